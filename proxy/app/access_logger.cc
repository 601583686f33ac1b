#include "proxy/app/access_logger.h"

#include <chrono>
#include <optional>
#include <string_view>

#include "proxy/http/reply.h"
#include "proxy/telemetry/log.h"

namespace weft::app {
namespace {

using telemetry::AccessRecord;

class Fields final : public telemetry::HeaderLookup {
 public:
  Fields(const http::RequestHead& request, const http::ResponseHead* response)
      : request_(request), response_(response) {}

  std::optional<std::string_view> Request(std::string_view name) const override {
    if (name == "host" || name == ":authority") return Known(request_.authority);
    if (!name.starts_with(':')) return request_.headers.Get(name);
    if (name == ":method") return Known(request_.method);
    if (name == ":path") return Known(request_.path);
    if (name == ":scheme") return Known(request_.scheme);
    return std::nullopt;
  }
  std::optional<std::string_view> Response(std::string_view name) const override {
    return response_ == nullptr ? std::nullopt : response_->headers.Get(name);
  }
  std::optional<std::string_view> Trailer(std::string_view name) const override {
    return response_ == nullptr ? std::nullopt : response_->trailers.Get(name);
  }

 private:
  static std::optional<std::string_view> Known(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
  }
  const http::RequestHead& request_;
  const http::ResponseHead* response_;
};

std::string_view ProtocolName(http::Version version) {
  switch (version) {
    case http::Version::kHttp10: return "HTTP/1.0";
    case http::Version::kHttp11: return "HTTP/1.1";
    case http::Version::kHttp2: return "HTTP/2";
  }
  return "";
}

std::string_view PathOf(config::AccessLogSpec::Sink sink, const std::string& path) {
  switch (sink) {
    case config::AccessLogSpec::Sink::kStdout: return "/dev/stdout";
    case config::AccessLogSpec::Sink::kStderr: return "/dev/stderr";
    case config::AccessLogSpec::Sink::kFile: break;
  }
  return path;
}

base::Duration Since(runtime::TimePoint start, telemetry::Stamp stamp) {
  return stamp == telemetry::kUnset ? AccessRecord::kNot : stamp - start;
}

void FillConnection(const http::ConnectionInfo& connection, AccessRecord* record) {
  record->connection_id = connection.id;
  record->filter_chain = connection.filter_chain;
  record->listener = connection.listener;
  record->server_name = connection.sni;
  record->peer_principal = connection.peer_principal;
  record->local_principal = connection.local_principal;
  record->server_name_kind = connection.name_kind;
  record->downstream_remote = &connection.peer;
  record->downstream_direct_remote = connection.direct_peer ? connection.direct_peer.get() : &connection.peer;
  record->downstream_local = &connection.destination;
  record->downstream_direct_local = &connection.local;
}

void FillFailure(const base::Failure& failure, AccessRecord* record) {
  record->response_flag = http::ReplyFor(failure.kind).flag;
  record->response_code_details = base::Name(failure.kind);
  record->failure_detail = failure.detail;
  record->failed_upstream = failure.origin == base::Origin::kUpstream;
}

}  // namespace

int64_t AccessLogger::WallAt(runtime::TimePoint then) const {
  return reactor_.clock().WallMicros() -
         std::chrono::duration_cast<std::chrono::microseconds>(reactor_.now() - then).count();
}

const std::vector<AccessLogger::Log>& AccessLogger::LogsOf(const config::FilterChain& chain,
                                                           const std::vector<config::AccessLogSpec>& specs,
                                                           uint64_t generation) {
  if (generation != generation_) compiled_.clear();
  generation_ = generation;
  const auto [place, is_new] = compiled_.try_emplace(&chain);
  if (!is_new) return place->second;
  for (const config::AccessLogSpec& spec : specs) {
    auto format = spec.json_format.empty() ? telemetry::AccessFormat::FromText(spec.text_format)
                                           : telemetry::AccessFormat::FromJson(spec.json_format);
    if (!format.ok()) {  // the conversion from xDS refuses such a format; nothing of ours may stop traffic
      telemetry::Log(telemetry::Component::kConfig, telemetry::LogLevel::kError,
                     "access log of " + chain.name + ": " + std::string(format.status().message()));
      continue;
    }
    place->second.push_back({*std::move(format), writer_.File(PathOf(spec.sink, spec.path))});
  }
  return place->second;
}

void AccessLogger::Write(const std::vector<Log>& logs, const AccessRecord& record) {
  if (producer_ == nullptr) producer_ = writer_.AddProducer();
  for (const Log& log : logs) {
    line_.clear();
    log.format->Append(record, &line_);
    if (producer_->Write(log.file, line_)) {
      metrics_.access_log_lines.Add();
    } else {
      metrics_.access_log_dropped.Add();
    }
  }
}

void AccessLogger::OnRequest(const http::RequestHead& request, const http::ResponseHead* response,
                             const http::Context& context) {
  if (context.chain == nullptr || !context.chain->http || context.chain->http->spec.access_logs.empty()) return;
  const auto& logs = LogsOf(*context.chain, context.chain->http->spec.access_logs, context.snapshot->generation);
  const Fields fields(request, response);
  const telemetry::RequestStamps& stamps = context.stamps;
  const runtime::TimePoint start = stamps.head_received;
  AccessRecord record;
  record.start_wall_micros = WallAt(start);
  record.ended = (stamps.response_ended == telemetry::kUnset ? reactor_.now() : stamps.response_ended) - start;
  record.request_received = Since(start, stamps.body_received);
  record.request_sent = Since(start, stamps.last_try.request_sent);
  record.response_began = Since(start, stamps.last_try.first_byte);
  record.protocol = ProtocolName(request.version);
  record.response_code = response == nullptr ? 0 : response->status;
  record.response_code_details = context.decision.endpoint.valid() ? "via_upstream" : "direct_response";
  if (context.failed) FillFailure(context.failure, &record);
  record.bytes_received = context.request_bytes;
  record.bytes_sent = context.response_bytes;
  record.tries = context.decision.tries;
  record.cluster = context.cluster_name;
  record.route = context.decision.route;
  record.virtual_host = context.decision.virtual_host;
  record.upstream_host = &context.decision.endpoint;
  record.headers = &fields;
  FillConnection(context.connection, &record);
  Write(logs, record);
}

void AccessLogger::OnOpaque(const config::FilterChain& chain, uint64_t generation,
                            const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection) {
  if (chain.tcp->spec.access_logs.empty()) return;
  const auto& logs = LogsOf(chain, chain.tcp->spec.access_logs, generation);
  const runtime::TimePoint start = connection.stamps.accepted;
  AccessRecord record;
  record.start_wall_micros = WallAt(start);
  record.ended = reactor_.now() - start;
  record.response_began = Since(start, outcome.relayed.first_byte_from_upstream);
  if (outcome.failed) FillFailure(outcome.failure, &record);
  record.bytes_received = outcome.relayed.to_upstream;
  record.bytes_sent = outcome.relayed.to_downstream;
  record.cluster = outcome.cluster;
  record.upstream_host = &outcome.endpoint;
  FillConnection(connection, &record);
  Write(logs, record);
}

}  // namespace weft::app
