// Against a real gRPC server with TLS in this process.
#include "proxy/identity/grpc_ca_client.h"

#include <gmock/gmock.h>
#include <grpc/support/time.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "istio/v1/ca.grpc.pb.h"
#include "pki/certificate.h"
#include "pki/join_token.h"
#include "pki/key.h"
#include "pki/test_authority.h"
#include "proxy/identity/material.h"
#include "proxy/runtime/scope.h"

namespace weft::identity {
namespace {

using istio::v1::auth::IstioCertificateRequest;
using istio::v1::auth::IstioCertificateResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kControl[] = "weft-control.weft-system.svc";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr char kCart[] = "spiffe://cluster.local/ns/shop/sa/cart";

// A control plane: its server certificate as control/ca makes it, chain and root.
class Control final : public istio::v1::auth::IstioCertificateService::CallbackService {
 public:
  explicit Control(const pki::TestAuthority& authority, const std::string& name = kControl) : authority_(authority) {
    pki::TestShape shape;
    shape.dns_sans = {name};
    const pki::TestLeaf leaf = authority.Leaf(shape);
    grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = authority.root_pem();
    options.pem_key_cert_pairs.push_back({leaf.key_pem, leaf.chain_pem + authority.root_pem()});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("localhost:0", grpc::SslServerCredentials(options), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Control() override { Stop(); }
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(gpr_inf_past(GPR_CLOCK_REALTIME));
    server_->Wait();
    server_.reset();
  }

  uint16_t port() const { return static_cast<uint16_t>(port_); }
  void SetSilent() { silent_ = true; }  // before the first call
  struct Seen {
    std::string authorization;
    std::vector<std::string> peer_names;
    int64_t validity = 0;
  };
  std::vector<Seen> seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  int cancelled() const {
    std::lock_guard lock(mutex_);
    return cancelled_;
  }

 private:
  // Answers, or waits until the client cancels.
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(Control& control) : control_(control) {}
    void OnCancel() override {
      {
        std::lock_guard lock(control_.mutex_);
        ++control_.cancelled_;
      }
      Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

   private:
    Control& control_;
  };

  grpc::ServerUnaryReactor* CreateCertificate(grpc::CallbackServerContext* context,
                                              const IstioCertificateRequest* request,
                                              IstioCertificateResponse* response) override {
    Seen seen;
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end())
      seen.authorization.assign(found->second.begin(), found->second.end());
    for (const auto& name : context->auth_context()->FindPropertyValues("peer_uri")) {
      seen.peer_names.emplace_back(name.begin(), name.end());
    }
    seen.validity = request->validity_duration();
    const bool known = seen.authorization.starts_with("Bearer weft1.") || !seen.peer_names.empty();
    {
      std::lock_guard lock(mutex_);
      seen_.push_back(seen);
    }
    if (silent_) return new Reactor(*this);
    auto* reactor = context->DefaultReactor();
    if (!known) {
      reactor->Finish({grpc::StatusCode::UNAUTHENTICATED, "join token 7f3a0c12: expired 2h4m ago"});
      return reactor;
    }
    pki::TestShape shape;
    shape.uri_sans = {kCart};
    shape.csr_pem = request->csr();
    response->add_cert_chain(authority_.Leaf(shape).chain_pem);
    response->add_cert_chain(authority_.root_pem());
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  const pki::TestAuthority& authority_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  bool silent_ = false;
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;  // protected by mutex_
  int cancelled_ = 0;       // protected by mutex_
};

class GrpcCaClientTest : public ::testing::Test {
 protected:
  using Root = std::optional<absl::StatusOr<std::string>>;
  using Chain = std::optional<absl::StatusOr<std::vector<std::string>>>;

  GrpcCaClientTest() { Connect("localhost", control_.port()); }
  ~GrpcCaClientTest() override { scope_.Cancel(); }

  void Connect(const std::string& host, uint16_t port) {
    client_ = std::make_unique<GrpcCaClient>(reactor_, mailbox_, CaServer{host, port, kControl});
  }
  template <class Condition>
  bool RunUntil(Condition condition) {
    const auto limit = reactor_.now() + std::chrono::seconds(20);
    while (!condition() && reactor_.now() < limit) reactor_.RunOnce(std::chrono::milliseconds(10));
    return condition();
  }
  static runtime::Task<void> KeepRoot(CaClient& client, std::string sha256, Root* root) {
    root->emplace(co_await client.FetchRoot(std::move(sha256)));
  }
  static runtime::Task<void> KeepChain(CaClient& client, SigningRequest request, Chain* chain) {
    chain->emplace(co_await client.Sign(std::move(request)));
  }
  absl::StatusOr<std::string> FetchRoot(const std::string& sha256) {
    Root root;
    scope_.Spawn(KeepRoot(*client_, sha256, &root));
    if (!RunUntil([&] { return root.has_value(); })) return absl::UnknownError("the test waited in vain");
    return *root;
  }
  absl::StatusOr<std::vector<std::string>> Sign(const SigningRequest& request) {
    Chain chain;
    scope_.Spawn(KeepChain(*client_, request, &chain));
    if (!RunUntil([&] { return chain.has_value(); })) return absl::UnknownError("the test waited in vain");
    return *chain;
  }
  SigningRequest Request(const std::string& key_pem) const {
    SigningRequest request;
    request.csr_pem = *pki::MakeCsrPem(key_pem, "");
    request.roots_pem = authority_.root_pem();
    return request;
  }
  std::string Sha256() const { return pki::ReadCertificates(authority_.root_pem())->front().spki_sha256; }

  const pki::TestAuthority authority_;
  Control control_{authority_};
  runtime::Reactor reactor_;
  runtime::Mailbox mailbox_{reactor_};
  std::unique_ptr<GrpcCaClient> client_;
  runtime::Scope scope_{reactor_};
};

TEST_F(GrpcCaClientTest, FromTheHashOfARootToARenewedCertificate) {
  const auto root = FetchRoot(Sha256());
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(*root, authority_.root_pem());

  const std::string key = *pki::NewKeyPem();
  SigningRequest request = Request(key);
  request.roots_pem = *root;
  request.join_token = pki::NewJoinToken(Sha256()).ToString();
  request.lifetime = absl::Minutes(10);
  const auto answer = Sign(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const auto material = MakeMaterial(key, *answer, kNow);
  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_EQ(material->uri, kCart);

  const std::string next_key = *pki::NewKeyPem();
  SigningRequest renewal = Request(next_key);
  renewal.client_key_pem = material->key_pem;
  renewal.client_chain_pem = material->chain_pem;
  const auto renewed = Sign(renewal);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_TRUE(MakeMaterial(next_key, *renewed, kNow).ok());

  const auto seen = control_.seen();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].authorization, "Bearer " + request.join_token);
  EXPECT_THAT(seen[0].peer_names, IsEmpty());
  EXPECT_EQ(seen[0].validity, 600);
  EXPECT_EQ(seen[1].authorization, "");
  EXPECT_THAT(seen[1].peer_names, ElementsAre(kCart));
}

TEST_F(GrpcCaClientTest, IpAddressesNeedNoResolver) {
  Connect("127.0.0.1", control_.port());
  EXPECT_EQ(client_->address(), "127.0.0.1:" + std::to_string(control_.port()));
  const auto root = FetchRoot(Sha256());
  if (absl::IsUnavailable(root.status())) GTEST_SKIP() << "localhost is not 127.0.0.1 here: " << root.status();
  ASSERT_TRUE(root.ok()) << root.status();
  SigningRequest request = Request(*pki::NewKeyPem());
  request.join_token = "weft1.x";
  EXPECT_TRUE(Sign(request).ok());
}

TEST_F(GrpcCaClientTest, RefusalHasTheWordsOfTheControlPlane) {
  SigningRequest request = Request(*pki::NewKeyPem());
  request.join_token = "old";
  const auto answer = Sign(request);
  EXPECT_TRUE(absl::IsUnauthenticated(answer.status())) << answer.status();
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("expired 2h4m ago"));
}

TEST_F(GrpcCaClientTest, TokenIsNeverSentToSomebodyElse) {
  const pki::TestAuthority foreign;
  Control impostor(foreign);                // another root
  Control other(authority_, "other.test");  // our root, but not the control plane's name
  for (Control* control : {&impostor, &other}) {
    Connect("localhost", control->port());
    EXPECT_TRUE(absl::IsPermissionDenied(FetchRoot(Sha256()).status()));
    SigningRequest request = Request(*pki::NewKeyPem());
    request.join_token = "weft1.secret";
    const auto answer = Sign(request);
    EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
    EXPECT_THAT(control->seen(), IsEmpty());
  }
}

TEST_F(GrpcCaClientTest, NobodyThere) {
  control_.Stop();
  EXPECT_TRUE(absl::IsUnavailable(FetchRoot(Sha256()).status()));
  EXPECT_TRUE(absl::IsUnavailable(Sign(Request(*pki::NewKeyPem())).status()));
  Connect("no-such-host.invalid", 1);
  const auto root = FetchRoot(Sha256());
  EXPECT_TRUE(absl::IsUnavailable(root.status()));
  EXPECT_THAT(std::string(root.status().message()), HasSubstr("no-such-host.invalid"));
}

TEST_F(GrpcCaClientTest, DestroyedTaskCancelsTheCall) {
  control_.SetSilent();
  Chain chain;
  scope_.Spawn(KeepChain(*client_, Request(*pki::NewKeyPem()), &chain));
  ASSERT_TRUE(RunUntil([&] { return control_.seen().size() == 1; }));
  scope_.Cancel();
  client_.reset();  // waits for gRPC, not for the server
  EXPECT_TRUE(RunUntil([&] { return control_.cancelled() == 1; }));
  EXPECT_FALSE(chain.has_value());
}

}  // namespace
}  // namespace weft::identity
