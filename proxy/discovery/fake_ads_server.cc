#include "proxy/discovery/fake_ads_server.h"

#include <grpc/support/time.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_builder.h>

#include <deque>
#include <utility>

namespace weft::discovery {

class FakeAdsServer::Stream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  explicit Stream(FakeAdsServer& server) : server_(server) { StartRead(&request_); }

  // Under the server's mutex.
  void Send(const Response& response) {
    unsent_.push_back(response);
    if (unsent_.size() == 1) StartWrite(&unsent_.front());
  }
  void End(const grpc::Status& status) {
    if (!std::exchange(ended_, true)) Finish(status);
  }

  void OnReadDone(bool ok) override {
    std::lock_guard lock(server_.mutex_);
    if (!ok) return End(grpc::Status::OK);
    server_.requests_.push_back(request_);
    StartRead(&request_);
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(server_.mutex_);
    if (!ok || ended_) return;
    unsent_.pop_front();
    if (!unsent_.empty()) StartWrite(&unsent_.front());
  }
  void OnDone() override {
    FakeAdsServer& server = server_;
    {
      std::lock_guard lock(server.mutex_);
      server.open_.erase(this);
    }
    delete this;
  }

 private:
  FakeAdsServer& server_;
  Request request_;
  std::deque<Response> unsent_;  // the first is being written
  bool ended_ = false;
};

FakeAdsServer::FakeAdsServer(std::shared_ptr<grpc::ServerCredentials> credentials, int port) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), std::move(credentials), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeAdsServer::~FakeAdsServer() {
  server_->Shutdown(gpr_inf_past(GPR_CLOCK_REALTIME));
  server_->Wait();
}

std::vector<FakeAdsServer::Request> FakeAdsServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

size_t FakeAdsServer::open_streams() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

size_t FakeAdsServer::streams() const {
  std::lock_guard lock(mutex_);
  return streams_;
}

std::vector<std::string> FakeAdsServer::peer_names() const {
  std::lock_guard lock(mutex_);
  return peer_names_;
}

std::string FakeAdsServer::last_metadata(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? std::string() : found->second;
}

std::string FakeAdsServer::last_authority() const {
  std::lock_guard lock(mutex_);
  return authority_;
}

void FakeAdsServer::Send(const Response& response) {
  std::lock_guard lock(mutex_);
  for (Stream* stream : open_) stream->Send(response);
}

void FakeAdsServer::Close(const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  for (Stream* stream : open_) stream->End(status);
}

grpc::ServerBidiReactor<FakeAdsServer::Request, FakeAdsServer::Response>* FakeAdsServer::StreamAggregatedResources(
    grpc::CallbackServerContext* context) {
  std::lock_guard lock(mutex_);
  ++streams_;
  peer_names_.clear();
  for (const auto& name : context->auth_context()->GetPeerIdentity())
    peer_names_.emplace_back(name.begin(), name.end());
  const auto authority = context->ExperimentalGetAuthority();
  authority_.assign(authority.data(), authority.size());
  metadata_.clear();
  for (const auto& [key, value] : context->client_metadata()) {
    metadata_.emplace(std::string(key.begin(), key.end()), std::string(value.begin(), value.end()));
  }
  auto* stream = new Stream(*this);
  open_.insert(stream);
  return stream;
}

}  // namespace weft::discovery
