// Ticket keys that rotate and are shared, sessions that end with what they were made with, chains that are known.

#include <thread>

#include "absl/time/clock.h"
#include "proxy/tls/chain_cache.h"
#include "proxy/tls/ticket_keys.h"
#include "proxy/tls/tls_test_pair.h"

namespace weft::tls {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);  // FakeClock

class SessionsTest : public TlsTest {
 protected:
  // Connects, lets the ticket come, and says whether the session was an earlier one.
  bool Resumes(std::shared_ptr<const ServerContext> server, std::shared_ptr<const ClientContext> client) {
    auto pair = Handshake(std::move(server), std::move(client));
    EXPECT_TRUE(pair->client.stream && pair->server.stream) << pair->server.failure.detail;
    if (!pair->client.stream || !pair->server.stream) return false;
    EXPECT_EQ(Pass(*pair->server.stream, *pair->client.stream, "ticket"), "ticket");
    return pair->server.stream->resumed();
  }
};

TEST_F(SessionsTest, TicketsOutliveRotationsButNotTheirKey) {
  const auto server = Server();
  const auto client = Client();
  EXPECT_FALSE(Resumes(server, client));
  for (size_t i = 1; i < TicketKeyring::kKept; ++i) RotateTicketKeys();
  EXPECT_TRUE(Resumes(server, client)) << "the key is the oldest one that is kept";
  for (size_t i = 0; i < TicketKeyring::kKept; ++i) RotateTicketKeys();
  EXPECT_FALSE(Resumes(server, client));
  EXPECT_LE(TicketKeyring::OfProcess().ForThisThread().size(), TicketKeyring::kKept);
}

TEST_F(SessionsTest, EveryThreadSeesTheSameKeys) {
  RotateTicketKeys();
  const auto name = TicketKeyring::OfProcess().ForThisThread().front().name;
  std::thread([&] { EXPECT_EQ(TicketKeyring::OfProcess().ForThisThread().front().name, name); }).join();
}

TEST_F(SessionsTest, GivenKeysAreSharedBetweenProxiesAndSurviveOurOwnRotation) {
  config::DownstreamTlsSpec spec = ServerSpec();
  spec.common.ticket_keys = {{std::string(80, 'a'), ""}};
  const auto client = Client();
  EXPECT_FALSE(Resumes(Server(spec), client));
  for (size_t i = 0; i < 2 * TicketKeyring::kKept; ++i) RotateTicketKeys();
  config::DownstreamTlsSpec elsewhere = ServerSpec();
  elsewhere.common.ticket_keys = {{std::string(80, 'b'), ""}, {std::string(80, 'a'), ""}};
  EXPECT_TRUE(Resumes(Server(elsewhere), client)) << "the old key still opens";
  elsewhere.common.ticket_keys = {{std::string(80, 'c'), ""}};
  EXPECT_FALSE(Resumes(Server(elsewhere), client));
  elsewhere.common.ticket_keys = {{"short", ""}};
  EXPECT_NE(std::string(ServerContext::Create(elsewhere).status().message()).find("a key has 80 bytes"),
            std::string::npos);
}

// BoringSSL counts a session's seconds by its own clock: here our clock stands still and the certificate stays good.
TEST_F(SessionsTest, ASessionEndsWithTheClientsCertificate) {
  pki::TestShape brief;
  brief.uri_sans = {kCart};
  brief.not_after = kNow + absl::Seconds(2);
  const auto client = Client(ClientSpec(Authority().Leaf(brief)));
  const auto server = Server();
  const auto resumes = [&] {
    clock_.SetWallMicros(absl::ToUnixMicros(kNow));
    return Resumes(server, client);
  };
  EXPECT_FALSE(resumes());
  const absl::Time limit = absl::FromUnixMicros(runtime::SystemClock().WallMicros()) + absl::Seconds(10);
  bool resumed = true;
  while (resumed && absl::FromUnixMicros(runtime::SystemClock().WallMicros()) < limit) resumed = resumes();
  EXPECT_FALSE(resumed) << "two seconds passed, and it goes on";
}

TEST_F(SessionsTest, NoSessionIsOfAnotherServersNameOrWithoutItsClientCheck) {
  const auto client = Client();
  EXPECT_FALSE(Resumes(Server(), client));
  config::DownstreamTlsSpec optional = ServerSpec();
  optional.require_client_certificate = false;
  EXPECT_FALSE(Resumes(Server(optional), client));
  config::DownstreamTlsSpec timeless = optional;
  timeless.session_timeout = base::Duration::zero();
  EXPECT_FALSE(Resumes(Server(timeless), client));
  EXPECT_FALSE(Resumes(Server(timeless), client));
  config::UpstreamTlsSpec forgetful = ClientSpec();
  forgetful.resume = false;
  const auto none = Client(forgetful);
  EXPECT_FALSE(Resumes(Server(), none));
  EXPECT_FALSE(Resumes(Server(), none));
}

TEST(ChainCache, EntriesEndAndAreBounded) {
  ChainCache cache;
  PeerIdentity peer;
  peer.uri = kCart;
  const auto key = [](uint64_t number) {
    ChainKey made;
    made.verifier = number;
    return made;
  };
  Validity validity;
  validity.Narrow(100, 200);
  cache.Put(key(1), peer, validity);
  ASSERT_NE(cache.Find(key(1), 100), nullptr);
  EXPECT_EQ(cache.Find(key(1), 200)->peer->uri, kCart);
  EXPECT_EQ(cache.Find(key(2), 150), nullptr) << "another generation of the bundle";
  EXPECT_EQ(cache.Find(key(1), 201), nullptr);
  EXPECT_EQ(cache.size(), 0u) << "an entry that ended goes at once";
  cache.Put(key(1), peer, validity);
  EXPECT_EQ(cache.Find(key(1), 99), nullptr) << "the clock went back";
  for (uint64_t i = 0; i < 2 * ChainCache::kMaxChains; ++i) {
    cache.Put(key(i), peer, Validity());
    cache.Find(key(0), 0);
  }
  EXPECT_EQ(cache.size(), ChainCache::kMaxChains);
  EXPECT_NE(cache.Find(key(0), 0), nullptr) << "the one in use stays";
}

TEST_F(SessionsTest, AKnownChainIsRefusedOnceItExpired) {
  pki::TestShape brief;
  brief.uri_sans = {kCart};
  brief.not_after = kNow + absl::Minutes(10);
  config::DownstreamTlsSpec spec = ServerSpec();
  spec.disable_resumption = true;
  const auto server = Server(spec);
  const auto client = Client(ClientSpec(Authority().Leaf(brief)));
  const size_t before = ChainCache::ForThisThread().size();
  EXPECT_TRUE(Handshake(server, client)->server.stream != nullptr);
  EXPECT_TRUE(Handshake(server, client)->server.stream != nullptr);
  EXPECT_LE(ChainCache::ForThisThread().size(), before + 2) << "one of the client, one of the server";
  clock_.SetWallMicros(absl::ToUnixMicros(kNow + absl::Minutes(11)));
  EXPECT_EQ(Handshake(server, client)->server.failure.detail.find("certificate_expired"), 0u);
}

}  // namespace
}  // namespace weft::tls
