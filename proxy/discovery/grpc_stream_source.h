// GrpcStreamSource: ADS streams over gRPC. Each stream has a connection of its own, so that an earlier failure's
// back-off inside gRPC, or an old certificate, never matters to the next one.
//
// Main thread; gRPC's own threads do nothing but post into the mailbox, which outlives this. The destructor waits until
// gRPC has let go of all streams, which were cancelled before: a matter of milliseconds.
#ifndef WEFT_PROXY_DISCOVERY_GRPC_STREAM_SOURCE_H_
#define WEFT_PROXY_DISCOVERY_GRPC_STREAM_SOURCE_H_

#include <memory>
#include <string>

#include "proxy/discovery/ads_stream.h"
#include "proxy/discovery/channel.h"
#include "proxy/runtime/mailbox.h"
#include "proxy/runtime/outstanding.h"

namespace weft::discovery {

class GrpcStreamSource final : public StreamSource {
 public:
  GrpcStreamSource(runtime::Mailbox& mailbox, ChannelSource& channels);
  ~GrpcStreamSource() override;

  absl::StatusOr<std::unique_ptr<AdsStream>> Open(StreamEvents& events) override;
  const std::string& target() const override { return channels_.target(); }

 private:
  runtime::Mailbox& mailbox_;
  ChannelSource& channels_;
  const std::shared_ptr<runtime::Outstanding> calls_;  // those that gRPC has not let go of
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_GRPC_STREAM_SOURCE_H_
