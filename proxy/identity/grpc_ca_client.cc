#include "proxy/identity/grpc_ca_client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "istio/v1/ca.grpc.pb.h"
#include "proxy/base/address.h"
#include "proxy/identity/first_contact.h"
#include "proxy/identity/host_lookup.h"
#include "proxy/net/own_grpc_traffic.h"
#include "proxy/net/socket_stream.h"
#include "proxy/runtime/wait.h"
#include "schema/version.h"

namespace weft::identity {

using istio::v1::auth::IstioCertificateRequest;
using istio::v1::auth::IstioCertificateResponse;
using istio::v1::auth::IstioCertificateService;

namespace {

using Calls = runtime::Outstanding;
using Chain = absl::StatusOr<std::vector<std::string>>;

constexpr auto kConnectLimit = std::chrono::seconds(5);  // per address: a dead one must not hide a live one

std::string AddressText(const CaServer& server) {
  const bool is_ipv6 = server.host.find(':') != std::string::npos;
  return absl::StrCat(is_ipv6 ? "[" : "", server.host, is_ipv6 ? "]:" : ":", server.port);
}

std::string GrpcTarget(const CaServer& server) {
  const auto address = base::Address::FromIp(server.host, server.port);
  if (!address.has_value()) return absl::StrCat("dns:///", server.host, ":", server.port);
  return absl::StrCat(address->family() == AF_INET6 ? "ipv6:" : "ipv4:", address->ToString());
}

CaServer WithServerName(CaServer server) {
  if (server.server_name.empty()) server.server_name = server.host;
  return server;
}

std::shared_ptr<grpc::Channel> MakeChannel(const CaServer& server, const SigningRequest& request) {
  grpc::ChannelArguments arguments;
  net::MarkOwnGrpcTraffic(arguments);
  arguments.SetUserAgentPrefix(std::string("weft-proxy/") + schema::kWeftVersion);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // never another certificate's connection
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);          // an application's http_proxy is not ours
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);             // Identity retries, with a back-off of its own
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetSslTargetNameOverride(server.server_name);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = request.roots_pem;
  options.pem_private_key = request.client_key_pem;
  options.pem_cert_chain = request.client_chain_pem;
  return grpc::CreateCustomChannel(GrpcTarget(server), grpc::SslCredentials(options), arguments);
}

Chain ToChain(const grpc::Status& status, IstioCertificateResponse& response) {
  if (!status.ok()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  return std::vector<std::string>(std::make_move_iterator(response.mutable_cert_chain()->begin()),
                                  std::make_move_iterator(response.mutable_cert_chain()->end()));
}

// One RPC. gRPC holds it until its callback ran, the waiting coroutine and the posted answer hold it too. Its channel
// must end on the main thread: when it is the process' last one, gRPC 1.51 joins its callback threads, and one of them
// cannot join itself.
class SigningCall : public std::enable_shared_from_this<SigningCall> {
 public:
  SigningCall(std::shared_ptr<Calls> calls, runtime::Event& done) : calls_(std::move(calls)), done_(&done) {}

  void Start(runtime::Mailbox& mailbox, const CaServer& server, SigningRequest request) {
    request_.set_csr(request.csr_pem);
    request_.set_validity_duration(absl::ToInt64Seconds(request.lifetime));
    if (!request.join_token.empty()) context_.AddMetadata("authorization", "Bearer " + request.join_token);
    stub_ = IstioCertificateService::NewStub(MakeChannel(server, request));
    calls_->Begin();
    stub_->async()->CreateCertificate(&context_, &request_, &response_,
                                      [self = shared_from_this(), &mailbox](grpc::Status status) mutable {
                                        const std::shared_ptr<Calls> calls = self->calls_;
                                        SigningCall* call = self.get();
                                        mailbox.Post([self = std::move(self), call, status] { call->Finish(status); });
                                        calls->End();
                                      });
  }
  void Abandon() {
    done_ = nullptr;
    context_.TryCancel();  // without effect on a call that has ended
  }
  Chain Take() { return std::move(result_); }

 private:
  void Finish(const grpc::Status& status) {
    if (done_ == nullptr) return;
    result_ = ToChain(status, response_);
    done_->Set();
  }

  const std::shared_ptr<Calls> calls_;
  grpc::ClientContext context_;
  std::unique_ptr<IstioCertificateService::Stub> stub_;  // holds the channel
  IstioCertificateRequest request_;
  IstioCertificateResponse response_;  // gRPC's until the callback
  runtime::Event* done_;               // null: nobody waits any more
  Chain result_ = absl::UnknownError("");
};

struct AbandonAtEnd {
  const std::shared_ptr<SigningCall> call;
  ~AbandonAtEnd() { call->Abandon(); }
};

// Connects to the first address that takes the connection.
runtime::Task<absl::StatusOr<std::unique_ptr<net::ByteStream>>> DialFirst(runtime::Reactor& reactor,
                                                                          std::vector<base::Address> addresses) {
  absl::Status last = absl::UnavailableError("no address");
  net::DialOptions options;
  options.kind = net::OwnTraffic::kStraight;
  for (const base::Address& address : addresses) {
    auto ended =
        co_await runtime::Within(reactor, reactor.now() + kConnectLimit, nullptr, net::Dial(reactor, address, options));
    if (ended.outcome != runtime::Outcome::kDone) {
      last = absl::UnavailableError(absl::StrCat(address.ToString(), " does not answer"));
    } else if (!ended.value->ok()) {
      last = absl::UnavailableError(ended.value->failure().detail);
    } else {
      co_return *std::move(*ended.value);
    }
  }
  co_return last;
}

}  // namespace

GrpcCaClient::GrpcCaClient(runtime::Reactor& reactor, runtime::Mailbox& mailbox, CaServer server)
    : reactor_(reactor),
      mailbox_(mailbox),
      server_(WithServerName(std::move(server))),
      address_(AddressText(server_)),
      calls_(std::make_shared<runtime::Outstanding>()) {}

GrpcCaClient::~GrpcCaClient() { calls_->WaitUntilNone(); }

runtime::Task<absl::StatusOr<std::string>> GrpcCaClient::FetchRoot(std::string root_sha256) {
  auto addresses = co_await LookUpHost(reactor_, mailbox_, server_.host, server_.port);
  if (!addresses.ok()) co_return addresses.status();
  auto connection = co_await DialFirst(reactor_, *std::move(addresses));
  if (!connection.ok()) co_return connection.status();
  co_return co_await AskForRoot(reactor_, *std::move(connection), server_.server_name, std::move(root_sha256),
                                reactor_.now() + kConnectLimit);
}

runtime::Task<Chain> GrpcCaClient::Sign(SigningRequest request) {
  runtime::Event done(reactor_);
  const AbandonAtEnd owner{std::make_shared<SigningCall>(calls_, done)};
  owner.call->Start(mailbox_, server_, std::move(request));
  co_await done.Wait();
  co_return owner.call->Take();
}

}  // namespace weft::identity
