// AccessLogger: writes the access log of one worker: finds the formats of a filter chain (compiled once per
// configuration), fills the record, hands the line to the writer thread. Nothing is formatted where no access log is
// configured. Worker thread only.
#ifndef WEFT_PROXY_APP_ACCESS_LOGGER_H_
#define WEFT_PROXY_APP_ACCESS_LOGGER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/config/snapshot.h"
#include "proxy/downstream/opaque_server.h"
#include "proxy/http/context.h"
#include "proxy/http/message.h"
#include "proxy/runtime/reactor.h"
#include "proxy/telemetry/access_format.h"
#include "proxy/telemetry/log_writer.h"
#include "proxy/telemetry/worker_metrics.h"

namespace weft::app {

class AccessLogger {
 public:
  AccessLogger(runtime::Reactor& reactor, telemetry::LogWriter& writer, telemetry::WorkerMetrics& metrics)
      : reactor_(reactor), writer_(writer), metrics_(metrics) {}

  void OnRequest(const http::RequestHead& request, const http::ResponseHead* response, const http::Context& context);
  // `generation` is the worker's newest: a chain may be older.
  void OnOpaque(const config::FilterChain& chain, uint64_t generation, const downstream::OpaqueOutcome& outcome,
                const http::ConnectionInfo& connection);

 private:
  struct Log {
    std::shared_ptr<const telemetry::AccessFormat> format;
    uint32_t file;
  };
  const std::vector<Log>& LogsOf(const config::FilterChain& chain, const std::vector<config::AccessLogSpec>& specs,
                                 uint64_t generation);
  void Write(const std::vector<Log>& logs, const telemetry::AccessRecord& record);
  int64_t WallAt(runtime::TimePoint then) const;

  runtime::Reactor& reactor_;
  telemetry::LogWriter& writer_;
  telemetry::WorkerMetrics& metrics_;
  telemetry::LogProducer* producer_ = nullptr;  // made with the first line
  uint64_t generation_ = 0;                     // of the compiled formats
  absl::flat_hash_map<const config::FilterChain*, std::vector<Log>> compiled_;
  std::string line_;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_ACCESS_LOGGER_H_
