#include "control/serve/ads_service.h"

#include <memory>
#include <utility>

#include "control/serve/encode.h"
#include "control/serve/grpc_peer.h"

namespace weft::control::serve {
namespace {

using grpc::ByteBuffer;

class Stream final : public grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>, public Writer {
 public:
  Stream(Fleet& fleet, const std::string& identifier, Peer peer) : fleet_(fleet), identifier_(identifier) {
    connection_ = fleet_.Connect(std::move(peer), *this);
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return connection_->Close(absl::OkStatus());
    DiscoveryRequest request;
    if (!grpc::SerializationTraits<DiscoveryRequest>::Deserialize(&request_, &request).ok()) {
      return connection_->Close(absl::InvalidArgumentError("this is no DiscoveryRequest"));
    }
    if (connection_->OnRequest(request)) fleet_.WantsConfig(connection_);
    request_.Clear();
    StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return connection_->Close(absl::OkStatus());
    connection_->OnWritten();
  }

  void OnCancel() override { connection_->Close(absl::OkStatus()); }

  void OnDone() override {
    fleet_.Disconnect(connection_);
    delete this;
  }

  void Write(const Response& response) override {
    response_ = Encode(response, identifier_);
    StartWrite(&response_);
  }
  void Finish(const absl::Status& status) override {
    ServerBidiReactor::Finish(
        grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), std::string(status.message())));
  }

 private:
  Fleet& fleet_;
  const std::string& identifier_;
  std::shared_ptr<Connection> connection_;
  ByteBuffer request_;
  ByteBuffer response_;  // until it is written
};

}  // namespace

grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>* AdsService::StreamAggregatedResources(
    grpc::CallbackServerContext* context) {
  return new Stream(fleet_, identifier_, PeerOf(*context, secure_));
}

}  // namespace weft::control::serve
