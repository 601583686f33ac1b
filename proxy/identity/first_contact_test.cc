#include "proxy/identity/first_contact.h"

#include <gtest/gtest.h>

#include <optional>

#include "pki/certificate.h"
#include "pki/test_authority.h"
#include "proxy/net/memory_stream.h"
#include "proxy/runtime/scope.h"
#include "proxy/tls/context.h"
#include "proxy/tls/stream.h"

namespace weft::identity {
namespace {

constexpr char kControl[] = "weft-control.weft-system.svc";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

std::string Sha256(const pki::TestAuthority& authority) {
  return pki::ReadCertificates(authority.root_pem())->front().spki_sha256;
}

pki::TestLeaf ControlLeaf(const pki::TestAuthority& authority) {
  pki::TestShape shape;
  shape.dns_sans = {"localhost", kControl};
  shape.uri_sans = {"spiffe://cluster.local/ns/weft-system/sa/weft-control"};
  return authority.Leaf(shape);
}

TEST(FirstContact, RootIsFoundByItsHash) {
  const pki::TestAuthority authority;
  const auto root =
      FindRoot(ControlLeaf(authority).chain_pem + authority.root_pem(), kControl, Sha256(authority), kNow);
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(*root, authority.root_pem());
}

TEST(FirstContact, SomebodyElseIsRefused) {
  const pki::TestAuthority authority, foreign;
  const std::string sha256 = Sha256(authority);
  const auto refusal = [&](const std::string& chain, absl::Time now = kNow) {
    const auto root = FindRoot(chain, kControl, sha256, now);
    EXPECT_FALSE(root.ok());
    return root.status().ToString();
  };
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };

  EXPECT_TRUE(has(refusal(ControlLeaf(foreign).chain_pem + foreign.root_pem()), "another root than the one"));
  EXPECT_TRUE(has(refusal(ControlLeaf(authority).chain_pem), "does not show its root"));
  // The true root copied behind a chain of somebody else.
  EXPECT_TRUE(has(refusal(ControlLeaf(foreign).chain_pem + authority.root_pem()), "not certified by it"));
  EXPECT_TRUE(
      has(refusal(ControlLeaf(foreign).chain_pem + foreign.root_pem() + authority.root_pem()), "not certified by it"));
  // A workload of the mesh that stands in the way.
  const std::string workload = authority.LeafFor("spiffe://cluster.local/ns/shop/sa/cart").chain_pem;
  EXPECT_TRUE(has(refusal(workload + authority.root_pem()), "the server is spiffe://cluster.local/ns/shop/sa/cart"));
  EXPECT_TRUE(has(refusal(workload + authority.root_pem()), "PERMISSION_DENIED"));
  // Ours, at a wrong time.
  const std::string late =
      refusal(ControlLeaf(authority).chain_pem + authority.root_pem(), absl::FromUnixSeconds(1'900'000'001));
  EXPECT_TRUE(has(late, "FAILED_PRECONDITION")) << late;
  EXPECT_TRUE(has(late, "our clock says 2030-")) << late;
  EXPECT_TRUE(has(refusal(""), "certificate"));
}

class HandshakeTest : public ::testing::Test {
 protected:
  using Answer = std::optional<absl::StatusOr<std::string>>;

  static runtime::Task<void> Serve(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower,
                                   std::shared_ptr<const tls::ServerContext> context, runtime::TimePoint deadline,
                                   std::unique_ptr<tls::TlsStream>* kept) {
    auto handshaken = co_await tls::TlsStream::Accept(reactor, std::move(lower), std::move(context), {}, deadline);
    if (handshaken.ok()) *kept = *std::move(handshaken);
  }
  static runtime::Task<void> Ask(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower, std::string sha256,
                                 runtime::TimePoint deadline, Answer* answer) {
    answer->emplace(co_await AskForRoot(reactor, std::move(lower), kControl, std::move(sha256), deadline));
  }
  runtime::TimePoint Deadline() { return clock_.Monotonic() + std::chrono::seconds(5); }
  void TurnUntilAnswered() {
    for (int i = 0; i < 10000 && !answer_.has_value(); ++i) {
      reactor_.RunOnce(runtime::Duration::zero());
      clock_.Advance(std::chrono::milliseconds(1));
    }
    ASSERT_TRUE(answer_.has_value());
  }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  Answer answer_;
  std::unique_ptr<tls::TlsStream> server_;
  runtime::Scope scope_{reactor_};
};

TEST_F(HandshakeTest, AsksAServerThatItDoesNotKnowYet) {
  const pki::TestAuthority authority;
  const pki::TestLeaf leaf = ControlLeaf(authority);
  config::DownstreamTlsSpec spec;
  spec.common.alpn = {"h2"};
  spec.common.certificates.emplace_back().chain_pem = leaf.chain_pem + authority.root_pem();
  spec.common.certificates.back().key_pem = leaf.key_pem;
  auto context = tls::ServerContext::Create(spec);
  ASSERT_TRUE(context.ok()) << context.status();
  auto [client, server] = net::MemoryStream::Pair(reactor_);
  scope_.Spawn(Serve(reactor_, std::move(server), *std::move(context), Deadline(), &server_));
  scope_.Spawn(Ask(reactor_, std::move(client), Sha256(authority), Deadline(), &answer_));
  TurnUntilAnswered();
  ASSERT_TRUE(answer_->ok()) << answer_->status();
  EXPECT_EQ(**answer_, authority.root_pem());
  ASSERT_NE(server_, nullptr);
  EXPECT_EQ(server_->server_name(), kControl);
  EXPECT_EQ(server_->alpn(), "h2");
}

TEST_F(HandshakeTest, ServerWithoutTlsIsUnavailable) {
  auto [client, server] = net::MemoryStream::Pair(reactor_);
  constexpr std::string_view kPlain = "HTTP/1.1 400 Bad Request\r\n\r\n";
  ASSERT_EQ(server->TryWrite(kPlain.data(), kPlain.size()).bytes, kPlain.size());
  scope_.Spawn(Ask(reactor_, std::move(client), std::string(32, 'x'), Deadline(), &answer_));
  TurnUntilAnswered();
  EXPECT_TRUE(absl::IsUnavailable(answer_->status())) << answer_->status();
}

TEST_F(HandshakeTest, SilentServerIsUnavailable) {
  auto [client, server] = net::MemoryStream::Pair(reactor_);
  scope_.Spawn(Ask(reactor_, std::move(client), std::string(32, 'x'), Deadline(), &answer_));
  TurnUntilAnswered();
  EXPECT_TRUE(absl::IsUnavailable(answer_->status())) << answer_->status();
}

}  // namespace
}  // namespace weft::identity
