#include "proxy/discovery/session.h"

#include <algorithm>
#include <utility>

#include "google/rpc/status.pb.h"
#include "proxy/discovery/resource_type.h"

namespace weft::discovery {
namespace {

constexpr int kInvalidArgument = 3;  // google.rpc.Code

void SetNames(const NameList& names, DiscoveryRequest* request) {
  request->mutable_resource_names()->Assign(names.begin(), names.end());
}

void SetError(const std::string& error, DiscoveryRequest* request) {
  request->mutable_error_detail()->set_code(kInvalidArgument);
  request->mutable_error_detail()->set_message(error);
}

}  // namespace

absl::Status Session::Open(StreamSource& source) {
  auto stream = source.Open(*this);
  if (!stream.ok()) return stream.status();
  stream_ = *std::move(stream);
  ReceiveNext();
  return absl::OkStatus();
}

bool Session::Subscribe(ResourceType type, const NameList& names, const std::string& version) {
  Subscription& subscription = Of(type);
  if (subscription.names == names) return false;
  if (!subscription.names.has_value() && names.empty() && !IsWildcard(type)) return false;
  subscription.names = names;
  // The list is complete each time, so a request that has not gone out yet just takes the newer one.
  if (DiscoveryRequest* unsent = Unsent(type)) {
    SetNames(names, unsent);
    return false;
  }
  DiscoveryRequest request;
  request.set_type_url(TypeUrl(type));
  request.set_version_info(version);
  request.set_response_nonce(subscription.nonce);
  SetNames(names, &request);
  Enqueue(std::move(request));
  return true;
}

void Session::Answer(ResourceType type, const std::string& nonce, const NameList& names, const std::string& version,
                     const std::string& error) {
  Subscription& subscription = Of(type);
  subscription.nonce = nonce;
  subscription.names = names;
  DiscoveryRequest request;
  request.set_type_url(TypeUrl(type));
  request.set_version_info(version);
  request.set_response_nonce(nonce);
  SetNames(names, &request);
  if (!error.empty()) SetError(error, &request);
  Enqueue(std::move(request));
}

void Session::RefuseType(const DiscoveryResponse& response, const std::string& error) {
  DiscoveryRequest request;
  request.set_type_url(response.type_url());
  request.set_response_nonce(response.nonce());
  SetError(error, &request);
  Enqueue(std::move(request));
}

void Session::OnSent() {
  sending_ = false;
  SendNext();
  ReceiveNext();
  if (!std::exchange(up_, true)) owner_.OnSessionUp(*this);
}

void Session::OnResponse(DiscoveryResponse response) {
  receiving_ = false;
  owner_.OnSessionResponse(*this, std::move(response));
  ReceiveNext();
}

void Session::OnClosed(const absl::Status& status) { owner_.OnSessionClosed(*this, status); }

DiscoveryRequest* Session::Unsent(ResourceType type) {
  const auto found = std::find_if(unsent_.rbegin(), unsent_.rend(),
                                  [&](const DiscoveryRequest& request) { return request.type_url() == TypeUrl(type); });
  return found == unsent_.rend() ? nullptr : &*found;
}

void Session::Enqueue(DiscoveryRequest request) {
  unsent_.push_back(std::move(request));
  SendNext();
}

void Session::SendNext() {
  if (sending_ || unsent_.empty()) return;
  DiscoveryRequest request = std::move(unsent_.front());
  unsent_.pop_front();
  if (!std::exchange(node_sent_, true)) *request.mutable_node() = node_;
  sending_ = true;
  stream_->Send(request);
}

void Session::ReceiveNext() {
  if (receiving_ || unsent_.size() >= kMaxUnsent) return;
  receiving_ = true;
  stream_->Receive();
}

}  // namespace weft::discovery
