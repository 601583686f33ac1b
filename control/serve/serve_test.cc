// The ports as a proxy sees them: real gRPC, real handshakes, ports of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "control/ca/memory_token_store.h"
#include "control/serve/ads_service.h"
#include "control/serve/certificate_service.h"
#include "control/serve/server_identity.h"
#include "control/serve/test_client.h"
#include "control/serve/xds_server.h"
#include "control/store/scratch_directory.h"
#include "pki/certificate.h"
#include "pki/key.h"

namespace weft::control::serve {
namespace {

using envoy::service::discovery::v3::DiscoveryResponse;
using istio::v1::auth::IstioCertificateRequest;
using istio::v1::auth::IstioCertificateResponse;
using istio::v1::auth::IstioCertificateService;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kServerAge = absl::Minutes(125);  // of three hours: a third is left

std::shared_ptr<const model::World> WorldWithService(int64_t revision, const std::string& name) {
  auto world = std::make_shared<model::World>();
  world->revision = revision;
  model::Service service;
  service.meta.name = {"shop", name};
  service.hosts = {name};
  service.addresses = {"240.240.0.1"};
  service.ports = {
      {.name = "http", .port = 80, .target_name = "", .target_port = 8080, .protocol = model::Protocol::kHttp}};
  world->services[service.meta.name] = service;
  return world;
}

// One ADS stream of a client.
class AdsClient {
 public:
  explicit AdsClient(const std::shared_ptr<grpc::Channel>& channel) : stub_(AdsBase::NewStub(channel)) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    stream_ = stub_->StreamAggregatedResources(&context_);
  }
  void Send(DiscoveryRequest request, const std::string& node = "") {
    if (!node.empty()) request.mutable_node()->set_id(node);
    stream_->Write(request);
  }
  DiscoveryResponse Receive() {
    DiscoveryResponse response;
    EXPECT_TRUE(stream_->Read(&response));
    return response;
  }
  void Accept(const DiscoveryResponse& response) {
    DiscoveryRequest request;
    request.set_type_url(response.type_url());
    request.set_response_nonce(response.nonce());
    request.set_version_info(response.version_info());
    stream_->Write(request);
  }
  // What the server ends the stream with.
  grpc::Status End() {
    DiscoveryResponse ignored;
    while (stream_->Read(&ignored)) {
    }
    return stream_->Finish();
  }

 private:
  std::unique_ptr<AdsBase::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<DiscoveryRequest, DiscoveryResponse>> stream_;
};

struct KeyAndChain {
  std::string key_pem, chain_pem;
};

class ServeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ca::Options options;
    options.directory = directory_.path() + "/ca";
    options.trust_domain = "cluster.local";
    auto authority = ca::CertificateAuthority::Open(options, absl::Now() - kServerAge);
    ASSERT_TRUE(authority.ok()) << authority.status();
    authority_ = *std::move(authority);
    tokens_ = std::make_unique<ca::JoinTokens>(token_store_, "cluster.local", authority_->RootSha256());
    enrollment_ = std::make_unique<ca::Enrollment>(*authority_, *tokens_);
    const auto log = [](bool, const std::string&) {};
    fleet_ = std::make_unique<Fleet>(
        Surroundings{.trust_domain = "cluster.local", .limits = {}, .now = [] { return absl::Now(); }, .log = log});
    // Clients judge by the real time, so the server's own certificate comes from the past.
    auto identity = ServerIdentity::Open(
        *authority_, {.dns_names = {"weft-control"},
                      .lifetime = absl::Hours(3),
                      .now = [this] { return in_present_.load() ? absl::Now() : absl::Now() - kServerAge; },
                      .log = log});
    ASSERT_TRUE(identity.ok()) << identity.status();
    identity_ = *std::move(identity);
    plaintext_ads_ = std::make_unique<AdsService>(*fleet_, "test", false);
    secure_ads_ = std::make_unique<AdsService>(*fleet_, "test", true);
    certificates_ = std::make_unique<CertificateService>(*enrollment_, *fleet_);
    auto plaintext = XdsServer::Start("127.0.0.1:0", grpc::InsecureServerCredentials(), {plaintext_ads_.get()});
    ASSERT_TRUE(plaintext.ok()) << plaintext.status();
    plaintext_ = *std::move(plaintext);
    auto secure =
        XdsServer::Start("127.0.0.1:0", identity_->MakeCredentials(), {secure_ads_.get(), certificates_.get()});
    ASSERT_TRUE(secure.ok()) << secure.status();
    secure_ = *std::move(secure);
  }
  void TearDown() override {
    fleet_->Stop();
    plaintext_->Stop(absl::Seconds(5));
    secure_->Stop(absl::Seconds(5));
  }

  std::shared_ptr<grpc::Channel> Plaintext() {
    return grpc::CreateChannel(plaintext_->address(), grpc::InsecureChannelCredentials());
  }
  std::shared_ptr<grpc::Channel> Secure(const KeyAndChain& identity = {}) {
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("weft-control");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a handshake of its own
    return grpc::CreateCustomChannel(secure_->address(),
                                     grpc::SslCredentials({.pem_root_certs = authority_->BundlePem(),
                                                           .pem_private_key = identity.key_pem,
                                                           .pem_cert_chain = identity.chain_pem}),
                                     arguments);
  }
  std::string NewToken(int uses) {
    auto created = tokens_->Create("shop/web", absl::Hours(1), uses, "test", absl::Now());
    EXPECT_TRUE(created.ok()) << created.status();
    return created->text;
  }
  grpc::Status Enroll(const std::shared_ptr<grpc::Channel>& channel, const std::string& key_pem,
                      const std::string& token, IstioCertificateResponse* response) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    IstioCertificateRequest request;
    request.set_csr(*pki::MakeCsrPem(key_pem, ""));
    return IstioCertificateService::NewStub(channel)->CreateCertificate(&context, request, response);
  }
  KeyAndChain NewIdentity() {
    KeyAndChain identity{.key_pem = *pki::NewKeyPem(), .chain_pem = ""};
    IstioCertificateResponse response;
    const grpc::Status status = Enroll(Secure(), identity.key_pem, NewToken(1), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    identity.chain_pem = absl::StrJoin(response.cert_chain(), "\n");
    return identity;
  }
  weft::v1::ListProxiesResponse Proxies() {
    weft::v1::ListProxiesResponse response;
    fleet_->ListProxies({}, &response);
    return response;
  }

  store::ScratchDirectory directory_;
  ca::MemoryTokenStore token_store_;
  std::atomic<bool> in_present_{false};  // for the server's certificate
  std::unique_ptr<ca::CertificateAuthority> authority_;
  std::unique_ptr<ca::JoinTokens> tokens_;
  std::unique_ptr<ca::Enrollment> enrollment_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<ServerIdentity> identity_;
  std::unique_ptr<AdsService> plaintext_ads_, secure_ads_;
  std::unique_ptr<CertificateService> certificates_;
  std::unique_ptr<XdsServer> plaintext_, secure_;
};

TEST_F(ServeTest, ProxyGetsClustersAndTheirChanges) {
  fleet_->Publish(WorldWithService(7, "web"));
  AdsClient client(Plaintext());
  client.Send(Ask(ResourceType::kCluster), "shop/web");
  const DiscoveryResponse first = client.Receive();
  EXPECT_EQ(first.type_url(), std::string(compile::TypeUrl(ResourceType::kCluster)));
  EXPECT_EQ(first.control_plane().identifier(), "test");
  ASSERT_GT(first.resources_size(), 0);
  EXPECT_EQ(first.resources(0).type_url(), first.type_url());
  client.Accept(first);
  client.Send(Ask(ResourceType::kListener));
  client.Receive();  // so the server has seen the answer before
  fleet_->Publish(WorldWithService(8, "shelf"));
  const DiscoveryResponse second = client.Receive();
  EXPECT_NE(second.version_info(), first.version_info());
  EXPECT_NE(second.nonce(), first.nonce());

  const weft::v1::ListProxiesResponse proxies = Proxies();
  ASSERT_EQ(proxies.proxies_size(), 1);
  EXPECT_EQ(proxies.proxies(0).id(), "shop/web");
  EXPECT_EQ(proxies.proxies(0).identity(), "");
  EXPECT_EQ(proxies.proxies(0).revision(), 7);
  EXPECT_EQ(proxies.proxies(0).types(0).acked_version(), first.version_info());
  weft::v1::GetProxyConfigRequest wanted;
  wanted.set_id("shop/web");
  weft::v1::GetProxyConfigResponse config;
  ASSERT_TRUE(fleet_->ProxyConfig(wanted, &config).ok());
  EXPECT_EQ(config.revision(), 8);
  EXPECT_EQ(config.types(0).resources_size(), second.resources_size());
  wanted.set_id("nobody");
  EXPECT_EQ(fleet_->ProxyConfig(wanted, &config).code(), absl::StatusCode::kNotFound);
}

TEST_F(ServeTest, StreamWithoutNodeEndsInvalid) {
  AdsClient client(Plaintext());
  client.Send(Ask(ResourceType::kCluster));
  const grpc::Status ended = client.End();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ended.error_message(), HasSubstr("node.id"));
}

TEST_F(ServeTest, StoppingEndsStreamsAsUnavailable) {
  fleet_->Publish(WorldWithService(1, "web"));
  AdsClient client(Plaintext());
  client.Send(Ask(ResourceType::kCluster), "shop/web");
  client.Receive();
  fleet_->Stop();
  EXPECT_EQ(client.End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServeTest, TlsPortWantsACertificateForConfiguration) {
  AdsClient client(Secure());
  client.Send(Ask(ResourceType::kCluster), "shop/web");
  EXPECT_EQ(client.End().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ServeTest, TokenGivesOneCertificateAndThenIsUsedUp) {
  const std::string token = NewToken(1);
  const std::string key = *pki::NewKeyPem();
  IstioCertificateResponse response;
  ASSERT_TRUE(Enroll(Secure(), key, token, &response).ok());
  ASSERT_EQ(response.cert_chain_size(), 3);  // leaf, issuing, root
  const auto facts = pki::ReadCertificates(absl::StrJoin(response.cert_chain(), "\n"));
  ASSERT_TRUE(facts.ok());
  EXPECT_THAT((*facts)[0].uri_sans, ::testing::ElementsAre("spiffe://cluster.local/ns/shop/sa/web"));
  EXPECT_EQ((*facts)[2].spki_sha256, authority_->RootSha256());
  EXPECT_EQ(certificates_->signed_count(), 1);

  IstioCertificateResponse repeated;  // its answer got lost: the same key again is no second use
  EXPECT_TRUE(Enroll(Secure(), key, token, &repeated).ok());
  const grpc::Status refused = Enroll(Secure(), *pki::NewKeyPem(), token, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(refused.error_message(), HasSubstr("used up (1 of 1 uses)"));
  const grpc::Status nothing = Enroll(Secure(), *pki::NewKeyPem(), "", &response);
  EXPECT_EQ(nothing.error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ServeTest, CertificateRenewsItselfAndNamesTheProxy) {
  const KeyAndChain identity = NewIdentity();
  IstioCertificateResponse renewed;
  const grpc::Status status = Enroll(Secure(identity), *pki::NewKeyPem(), "", &renewed);
  ASSERT_TRUE(status.ok()) << status.error_message();

  fleet_->Publish(WorldWithService(1, "web"));
  AdsClient client(Secure(identity));
  client.Send(Ask(ResourceType::kCluster), "web-1.shop");
  client.Receive();
  const weft::v1::ListProxiesResponse proxies = Proxies();
  ASSERT_EQ(proxies.proxies_size(), 1);
  EXPECT_EQ(proxies.proxies(0).identity(), "spiffe://cluster.local/ns/shop/sa/web");
  EXPECT_EQ(proxies.proxies(0).namespace_(), "shop");
  weft::v1::ListCertificatesResponse certificates;
  fleet_->ListCertificates(&certificates);
  ASSERT_EQ(certificates.certificates_size(), 1);
  EXPECT_EQ(certificates.certificates(0).proxy(), "web-1.shop");
  EXPECT_EQ(certificates.certificates(0).serial(), pki::ReadCertificates(identity.chain_pem)->front().serial);
}

TEST_F(ServeTest, CertificateOfAnotherAuthorityIsRefusedInTheHandshake) {
  ca::Options options;
  options.directory = directory_.path() + "/other";
  options.trust_domain = "cluster.local";
  auto other = ca::CertificateAuthority::Open(options, absl::Now());
  ASSERT_TRUE(other.ok()) << other.status();
  const std::string key = *pki::NewKeyPem();
  auto forged =
      (*other)->Sign(*pki::MakeCsrPem(key, ""), {"cluster.local", "shop", "web"}, absl::Hours(1), absl::Now());
  ASSERT_TRUE(forged.ok()) << forged.status();
  IstioCertificateResponse response;
  const grpc::Status refused =
      Enroll(Secure({key, absl::StrJoin(forged->chain_pem, "\n")}), *pki::NewKeyPem(), "", &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServeTest, ServerCertificateIsRenewedBetweenHandshakes) {
  EXPECT_THAT(identity_->Get().certificate->chain_pem,
              HasSubstr(authority_->BundlePem()));  // proxies look for the root there
  IstioCertificateResponse response;
  ASSERT_TRUE(Enroll(Secure(), *pki::NewKeyPem(), NewToken(1), &response).ok());
  EXPECT_EQ(identity_->Get().serial, 1);
  in_present_.store(true);
  ASSERT_TRUE(Enroll(Secure(), *pki::NewKeyPem(), NewToken(1), &response).ok());
  EXPECT_EQ(identity_->Get().serial, 2);
}

}  // namespace
}  // namespace weft::control::serve
