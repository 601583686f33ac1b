#include "proxy/discovery/grpc_stream_source.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <mutex>
#include <utility>

#include "envoy/service/discovery/v3/discovery.grpc.pb.h"
#include "proxy/discovery/grpc_channel.h"

namespace weft::discovery {

using Stub = envoy::service::discovery::v3::AggregatedDiscoveryService::Stub;

namespace {

using Calls = runtime::Outstanding;

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// One RPC. gRPC holds it until OnDone(), the posted events and the stream's handle hold it too. Its channel must end on
// the main thread: when it is the process' last one, gRPC 1.51 joins its callback threads, and one of them cannot join
// itself.
class Call final : public grpc::ClientBidiReactor<DiscoveryRequest, DiscoveryResponse>,
                   public std::enable_shared_from_this<Call> {
 public:
  Call(runtime::Mailbox& mailbox, std::shared_ptr<Calls> calls, StreamEvents& events)
      : calls_(std::move(calls)), mailbox_(mailbox), events_(&events) {}

  // Main thread.
  void Start(const Channel& channel) {
    self_ = shared_from_this();
    calls_->Begin();
    for (const auto& [key, value] : channel.metadata) context_.AddMetadata(key, value);
    stub_ = envoy::service::discovery::v3::AggregatedDiscoveryService::NewStub(MakeGrpcChannel(channel));
    stub_->async()->StreamAggregatedResources(&context_, this);
    AddHold();  // operations are started from the main thread
    StartCall();
  }
  void Send(const DiscoveryRequest& request) {
    request_ = request;
    std::lock_guard lock(mutex_);
    if (held_) StartWrite(&request_);
  }
  void Receive() {
    std::lock_guard lock(mutex_);
    if (held_) StartRead(&response_);
  }
  void Abandon() {
    events_ = nullptr;
    context_.TryCancel();
    LetGo();
  }

  // gRPC's threads.
  void OnWriteDone(bool ok) override {
    if (!ok) return LetGo();
    mailbox_.Post([self = shared_from_this()] {
      if (self->events_ != nullptr) self->events_->OnSent();
    });
  }
  void OnReadDone(bool ok) override {
    if (!ok) {
      // The stream has ended, or what came is no DiscoveryResponse: then it would stay open, and be deaf, for ever.
      read_failed_ = true;
      context_.TryCancel();
      return LetGo();
    }
    auto response = std::make_shared<DiscoveryResponse>(std::move(response_));
    mailbox_.Post([self = shared_from_this(), response = std::move(response)] {
      if (self->events_ != nullptr) self->events_->OnResponse(std::move(*response));
    });
  }
  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<Calls> calls = calls_;
    Call* call = this;
    absl::Status why = FromGrpc(status);
    if (read_failed_ && absl::IsCancelled(why))
      why = absl::DataLossError("the control plane sent what is no DiscoveryResponse");
    mailbox_.Post([self = std::move(self_), call, status = std::move(why)] {  // from here on this may be destroyed
      if (call->events_ != nullptr) std::exchange(call->events_, nullptr)->OnClosed(status);
    });
    calls->End();
  }

 private:
  void LetGo() {
    {
      std::lock_guard lock(mutex_);
      if (!std::exchange(held_, false)) return;
    }
    RemoveHold();
  }

  const std::shared_ptr<Calls> calls_;
  std::shared_ptr<Call> self_;  // from Start() to OnDone()
  runtime::Mailbox& mailbox_;   // outlives the call: the source waits for it
  grpc::ClientContext context_;
  std::unique_ptr<Stub> stub_;  // holds the channel
  std::mutex mutex_;
  bool held_ = true;            // protected by mutex_; operations may be started
  StreamEvents* events_;        // main thread only
  bool read_failed_ = false;    // gRPC's threads, one after the other
  DiscoveryRequest request_;    // gRPC's between StartWrite and OnWriteDone
  DiscoveryResponse response_;  // gRPC's between StartRead and OnReadDone
};

class Stream final : public AdsStream {
 public:
  explicit Stream(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~Stream() override { call_->Abandon(); }
  void Send(const DiscoveryRequest& request) override { call_->Send(request); }
  void Receive() override { call_->Receive(); }

 private:
  const std::shared_ptr<Call> call_;
};

}  // namespace

GrpcStreamSource::GrpcStreamSource(runtime::Mailbox& mailbox, ChannelSource& channels)
    : mailbox_(mailbox), channels_(channels), calls_(std::make_shared<runtime::Outstanding>()) {}

GrpcStreamSource::~GrpcStreamSource() { calls_->WaitUntilNone(); }

absl::StatusOr<std::unique_ptr<AdsStream>> GrpcStreamSource::Open(StreamEvents& events) {
  absl::StatusOr<Channel> channel = channels_.Current();
  if (!channel.ok()) return channel.status();
  auto call = std::make_shared<Call>(mailbox_, calls_, events);
  call->Start(*channel);
  return std::make_unique<Stream>(std::move(call));
}

}  // namespace weft::discovery
