// Who is let in: the table of wrong peers, resumption, several certificates.

#include "proxy/tls/session_cache.h"
#include "proxy/tls/tls_test_pair.h"

namespace weft::tls {
namespace {

using base::FailureKind;

pki::TestShape Shape(const std::string& uri) {
  pki::TestShape shape;
  shape.uri_sans = {uri};
  return shape;
}

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);  // FakeClock

TEST_F(TlsTest, TableOfWrongClients) {
  static const pki::TestAuthority foreign;
  pki::TestShape expired = Shape(kCart), early = Shape(kCart), usage = Shape(kCart), issuing = Shape(kCart);
  expired.not_after = kNow - absl::Seconds(12);
  early.not_before = kNow + absl::Seconds(90);
  usage.for_tls = false;  // no extended usage at all: allowed
  issuing.issuing_expired = true;
  struct Case {
    const char* name;
    pki::TestLeaf leaf;
    const char* detail;  // null: let in
  };
  const Case cases[] = {
      {"right", Authority().LeafFor(kCart), nullptr},
      {"no extended key usage", Authority().Leaf(usage), nullptr},
      {"expired", Authority().Leaf(expired),
       "certificate_expired: certificate of spiffe://cluster.local/ns/shop/sa/cart expired 12s ago"},
      {"early", Authority().Leaf(early),
       "certificate_not_yet_valid: certificate of spiffe://cluster.local/ns/shop/sa/cart becomes valid in "
       "1m30s"},
      {"issuing expired", Authority().Leaf(issuing), "certificate_expired: issuing certificate of "},
      {"foreign authority", foreign.LeafFor(kCart),
       "untrusted_issuer: certificate of spiffe://cluster.local/ns/shop/sa/cart, issued by"},
      {"other trust domain", foreign.LeafFor("spiffe://evil.org/ns/shop/sa/cart"),
       "wrong_trust_domain: certificate of spiffe://evil.org/ns/shop/sa/cart, issued by"},
      {"other trust domain, same authority", Authority().LeafFor("spiffe://evil.org/ns/shop/sa/cart"),
       "wrong_trust_domain: the peer is spiffe://evil.org/ns/shop/sa/cart; wanted URI "
       "spiffe://cluster.local/ns/shop/sa/cart"},
      {"wrong identity", Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/thief"),
       "wrong_identity: the peer is spiffe://cluster.local/ns/shop/sa/thief; wanted URI "
       "spiffe://cluster.local/ns/shop/sa/cart"},
      {"longer name", Authority().LeafFor(std::string(kCart) + "x"), "wrong_identity: "},
      {"upper case", Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/CART"), "wrong_identity: "},
      {"a zero inside", Authority().LeafFor(std::string(kCart) + std::string("\0x", 2)), "wrong_identity: "},
      {"a line end inside", Authority().LeafFor(std::string(kCart) + "\r\nx: y"),
       "wrong_identity: the peer is nobody by name"},
  };
  for (const Case& c : cases) {
    auto pair = Handshake(Server(), Client(ClientSpec(c.leaf)));
    ASSERT_TRUE(pair->server.done) << c.name;
    if (c.detail == nullptr) {
      EXPECT_TRUE(pair->server.stream != nullptr) << c.name << ": " << pair->server.failure.detail;
      continue;
    }
    EXPECT_TRUE(pair->server.stream == nullptr) << c.name;
    EXPECT_EQ(pair->server.failure.kind, FailureKind::kDownstreamCertificate) << c.name;
    EXPECT_EQ(pair->server.failure.origin, base::Origin::kDownstream);
    EXPECT_EQ(pair->server.failure.detail.find(c.detail), 0u) << c.name << ": " << pair->server.failure.detail;
    // TLS 1.3: the client learns of it with its first read, by an alert in words.
    if (pair->client.stream != nullptr) {
      char room[10];
      EXPECT_EQ(pair->client.stream->TryRead(room, sizeof room).state, net::IoState::kError) << c.name;
      EXPECT_NE(pair->client.stream->ErrorText().find("refused_by_peer"), std::string::npos)
          << c.name << ": " << pair->client.stream->ErrorText();
    }
  }
}

TEST_F(TlsTest, TableOfWrongServers) {
  static const pki::TestAuthority foreign;
  pki::TestShape expired = Shape(kPay);
  expired.not_after = kNow - absl::Hours(26);
  struct Case {
    const char* name;
    pki::TestLeaf leaf;
    const char* detail;
  };
  const Case cases[] = {
      {"expired", Authority().Leaf(expired), "certificate_expired: "},
      {"foreign", foreign.LeafFor(kPay), "untrusted_issuer: "},
      {"wrong identity", Authority().LeafFor(kCart), "wrong_identity: the peer is "},
  };
  for (const Case& c : cases) {
    auto pair = Handshake(Server(ServerSpec(c.leaf)), Client());
    EXPECT_TRUE(pair->client.stream == nullptr) << c.name;
    EXPECT_EQ(pair->client.failure.kind, FailureKind::kUpstreamTls) << c.name;
    EXPECT_EQ(pair->client.failure.retry, base::RetrySafety::kNotSent);
    EXPECT_EQ(pair->client.failure.detail.find(c.detail), 0u) << c.name << ": " << pair->client.failure.detail;
    ASSERT_TRUE(pair->server.stream == nullptr) << c.name;
    EXPECT_EQ(pair->server.failure.kind, FailureKind::kDownstreamTls) << c.name;
    EXPECT_EQ(pair->server.failure.detail.find("refused_by_peer: the peer sent the alert"), 0u)
        << c.name << ": " << pair->server.failure.detail;
  }
}

TEST_F(TlsTest, NoClientCertificate) {
  config::UpstreamTlsSpec client = ClientSpec();
  client.common.certificates.clear();
  auto refused = Handshake(Server(), Client(client));
  EXPECT_EQ(refused->server.failure.kind, FailureKind::kDownstreamCertificate);
  EXPECT_EQ(refused->server.failure.detail, std::string("no_certificate: the client gave none; wanted URI ") + kCart);

  config::DownstreamTlsSpec server = ServerSpec();
  server.require_client_certificate = false;
  auto taken = Handshake(Server(server), Client(client));
  ASSERT_TRUE(taken->server.stream != nullptr) << taken->server.failure.detail;
  EXPECT_EQ(taken->server.stream->peer(), nullptr);
  EXPECT_EQ(taken->server.stream->peer_uri(), "");
  // Optional does not mean unchecked.
  auto wrong = Handshake(Server(server), Client(ClientSpec(pki::TestAuthority().LeafFor(kCart))));
  EXPECT_TRUE(wrong->server.stream == nullptr);
}

TEST_F(TlsTest, AnUncheckedServerHasNoVerifiedName) {
  config::UpstreamTlsSpec client = ClientSpec();
  client.common.validation.reset();
  auto pair = Handshake(Server(), Client(client));
  ASSERT_TRUE(pair->client.stream != nullptr) << pair->client.failure.detail;
  ASSERT_NE(pair->client.stream->peer(), nullptr);
  EXPECT_EQ(pair->client.stream->peer()->uri, kPay);
  EXPECT_FALSE(pair->client.stream->peer()->verified);
  EXPECT_EQ(pair->client.stream->peer_uri(), "");
}

TEST_F(TlsTest, NotTls) {
  for (const std::string& text :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string(64, '\0')}) {
    auto pair = std::make_unique<Pair>();
    auto [a, b] = net::MemoryStream::Pair(reactor_);
    static_cast<net::ByteStream&>(*a).TryWrite(text.data(), text.size());
    scope_.Spawn(Accept(reactor_, std::move(b), Server(), {}, In(std::chrono::seconds(5)), &pair->server));
    TurnUntil([&] { return pair->server.done; }, 100);
    EXPECT_EQ(pair->server.failure.kind, FailureKind::kDownstreamTls);
    EXPECT_EQ(pair->server.failure.detail.find("not_tls"), 0u) << pair->server.failure.detail;
  }
}

TEST_F(TlsTest, VersionsAndCurves) {
  config::DownstreamTlsSpec server = ServerSpec();
  config::UpstreamTlsSpec client = ClientSpec();
  client.common.parameters.max_version = config::TlsVersion::kTls12;
  auto old = Handshake(Server(server), Client(client));
  ASSERT_TRUE(old->client.stream && old->server.stream) << old->server.failure.detail;
  EXPECT_EQ(old->server.stream->version(), "TLSv1.2");
  EXPECT_EQ(old->server.stream->peer_uri(), kCart);
  EXPECT_EQ(Pass(*old->client.stream, *old->server.stream, "1.2"), "1.2");
  EXPECT_EQ(Pass(*old->server.stream, *old->client.stream, "back"), "back");

  server.common.parameters.min_version = config::TlsVersion::kTls13;
  auto none = Handshake(Server(server), Client(client));
  EXPECT_EQ(none->server.failure.detail.find("nothing_in_common"), 0u) << none->server.failure.detail;

  config::UpstreamTlsSpec classic = ClientSpec();
  classic.common.parameters.curves = {"X25519"};
  auto pair = Handshake(Server(), Client(classic));
  ASSERT_TRUE(pair->client.stream != nullptr);
  EXPECT_EQ(pair->client.stream->group(), "X25519");
}

TEST_F(TlsTest, Alpn) {
  struct Case {
    std::vector<std::string> server, client;
    std::string chosen;
  };
  const Case cases[] = {
      {{"h2", "http/1.1"}, {"http/1.1", "h2"}, "h2"},
      {{"weft-tcp"}, {"weft-tcp"}, "weft-tcp"},
      {{"h2"}, {"http/1.1"}, ""},
      {{}, {"h2"}, ""},
      {{"h2"}, {}, ""},
  };
  for (const Case& c : cases) {
    config::DownstreamTlsSpec server = ServerSpec();
    config::UpstreamTlsSpec client = ClientSpec();
    server.common.alpn = c.server;
    client.common.alpn = c.client;
    auto pair = Handshake(Server(server), Client(client));
    ASSERT_TRUE(pair->client.stream && pair->server.stream);
    EXPECT_EQ(pair->client.stream->alpn(), c.chosen);
    EXPECT_EQ(pair->server.stream->alpn(), c.chosen);
  }
}

TEST_F(TlsTest, AServerThatKnowsNoMeshProtocolIsNoSidecar) {
  for (const std::vector<std::string>& server_alpn : {std::vector<std::string>{}, {"http/1.1", "h2"}}) {
    config::DownstreamTlsSpec server = ServerSpec();
    config::UpstreamTlsSpec client = ClientSpec();
    server.common.alpn = server_alpn;
    client.common.alpn = {"weft-http/1.1"};
    auto pair = Handshake(Server(server), Client(client));
    EXPECT_TRUE(pair->client.stream == nullptr);
    EXPECT_EQ(pair->client.failure.kind, FailureKind::kUpstreamTls);
    EXPECT_EQ(pair->client.failure.retry, base::RetrySafety::kNotSent);
    EXPECT_EQ(pair->client.failure.detail,
              std::string("no_common_protocol: ") + kPay + " chose none of our ALPN names");
  }
}

TEST_F(TlsTest, ARefusedClientNamesBothEnds) {
  config::UpstreamTlsSpec client = ClientSpec(Authority().LeafFor(kPay));  // the server wants cart
  client.common.parameters.max_version = config::TlsVersion::kTls12;  // where the client waits for the server's word
  auto pair = Handshake(Server(), Client(client));
  ASSERT_TRUE(pair->client.stream == nullptr);
  EXPECT_EQ(pair->client.failure.detail.find("refused_by_peer: "), 0u) << pair->client.failure.detail;
  EXPECT_NE(pair->client.failure.detail.find(std::string("we are ") + kPay + ", the peer " + kPay), std::string::npos)
      << pair->client.failure.detail;
}

TEST_F(TlsTest, CertificatesByServerName) {
  pki::TestShape a, b, wild;
  a.dns_sans = {"a.example.com"};
  b.dns_sans = {"b.example.com"};
  b.rsa = true;
  wild.dns_sans = {"*.wild.example.com"};
  config::DownstreamTlsSpec server;
  for (const pki::TestShape& shape : {a, b, wild}) {
    server.common.certificates.push_back(Certificate(Authority().Leaf(shape)));
  }
  auto context = Server(server);
  struct Case {
    const char *sni, *wanted;
    bool good;
  };
  for (const Case& c : {Case{"a.example.com", "a.example.com", true},
                        {"b.example.com", "b.example.com", true},
                        {"x.wild.example.com", "x.wild.example.com", true},
                        {"x.y.wild.example.com", "x.y.wild.example.com", false},
                        {"unknown.org", "a.example.com", true},
                        {"", "a.example.com", true}}) {
    config::UpstreamTlsSpec client;
    client.sni = c.sni;
    client.common.validation = Trust();
    config::SanMatchSpec san;
    san.type = config::SanMatchSpec::Type::kDns;
    san.text = c.wanted;
    client.common.validation->sans = {san};
    auto pair = Handshake(context, Client(client));
    EXPECT_EQ(pair->client.stream != nullptr, c.good) << c.sni << ": " << pair->client.failure.detail;
    if (pair->server.stream != nullptr) EXPECT_EQ(pair->server.stream->server_name(), c.sni);
  }
  server.require_sni = true;
  config::UpstreamTlsSpec nameless;
  nameless.common.validation = Trust();
  EXPECT_EQ(Handshake(Server(server), Client(nameless))->server.failure.detail, "no_server_name: the client sent none");
}

TEST_F(TlsTest, NamesByAnyMatcher) {
  using San = config::SanMatchSpec;
  struct Case {
    San::Type type;
    San::How how;
    const char* text;
    bool fold, good;
  };
  pki::TestShape shape = Shape(kPay);
  shape.dns_sans = {"pay.shop.svc"};
  const auto server = Server(ServerSpec(Authority().Leaf(shape)));
  for (const Case& c : {
           Case{San::Type::kUri, San::How::kPrefix, "spiffe://cluster.local/", false, true},
           {San::Type::kUri, San::How::kPrefix, "spiffe://Cluster.local/", false, false},
           {San::Type::kUri, San::How::kPrefix, "spiffe://Cluster.local/", true, true},
           {San::Type::kUri, San::How::kSuffix, "/sa/pay", false, true},
           {San::Type::kUri, San::How::kContains, "/ns/shop/", false, true},
           {San::Type::kUri, San::How::kContains, "/ns/shop2/", false, false},
           {San::Type::kUri, San::How::kRegex, "spiffe://[^/]+/ns/shop/sa/p.y", false, true},
           {San::Type::kUri, San::How::kRegex, "/ns/shop/", false, false},  // the whole name
           {San::Type::kDns, San::How::kExact, "PAY.shop.svc", false, true},
           {San::Type::kDns, San::How::kExact, kPay, false, false},
           {San::Type::kUri, San::How::kExact, "pay.shop.svc", false, false},
           {San::Type::kIp, San::How::kExact, "10.0.0.1", false, false},
       }) {
    config::UpstreamTlsSpec client = ClientSpec();
    San san;
    san.type = c.type;
    san.how = c.how;
    san.text = c.text;
    san.ignore_case = c.fold;
    client.common.validation->sans = {san};
    EXPECT_EQ(Handshake(server, Client(client))->client.stream != nullptr, c.good) << c.text;
  }
}

TEST_F(TlsTest, ResumptionSavesTheChainButNotTheCheck) {
  pki::TestShape brief = Shape(kCart);
  brief.not_after = kNow + absl::Minutes(10);
  auto server = Server();
  auto client = Client(ClientSpec(Authority().Leaf(brief)));
  const auto connect = [&](std::shared_ptr<const ServerContext> to) {
    auto pair = Handshake(std::move(to), client);
    if (pair->client.stream && pair->server.stream) {
      EXPECT_EQ(Pass(*pair->server.stream, *pair->client.stream, "ticket"), "ticket");
    }
    return pair;
  };
  auto first = connect(server);
  ASSERT_TRUE(first->client.stream != nullptr);
  EXPECT_FALSE(first->client.stream->resumed());
  auto second = connect(server);
  ASSERT_TRUE(second->server.stream != nullptr) << second->server.failure.detail;
  EXPECT_TRUE(second->client.stream->resumed());
  EXPECT_TRUE(second->server.stream->resumed());
  EXPECT_EQ(second->server.stream->peer_uri(), kCart) << "the identity comes with the session";
  EXPECT_EQ(second->client.stream->peer_uri(), kPay);

  // A renewed certificate goes on with the old tickets; other trust settings do not.
  auto renewed = connect(Server(ServerSpec(Authority().LeafFor(kPay))));
  ASSERT_TRUE(renewed->server.stream != nullptr);
  EXPECT_TRUE(renewed->server.stream->resumed());
  config::DownstreamTlsSpec more_roots = ServerSpec();
  more_roots.common.validation->trusted_ca_pem += pki::TestAuthority().root_pem();
  auto other = connect(Server(more_roots));
  ASSERT_TRUE(other->server.stream != nullptr);
  EXPECT_FALSE(other->server.stream->resumed());

  // A ticket of a certificate that has expired since is worth nothing.
  connect(server);
  clock_.SetWallMicros(absl::ToUnixMicros(kNow + absl::Minutes(11)));
  auto late = connect(server);
  EXPECT_TRUE(late->server.stream == nullptr);
  EXPECT_EQ(late->server.failure.kind, FailureKind::kDownstreamCertificate);
  EXPECT_EQ(late->server.failure.detail.find("certificate_expired"), 0u) << late->server.failure.detail;
}

// A connection that stood when the root of its client was taken out of the bundle stood on.
TEST_F(TlsTest, AnotherContextKnowsWhetherItTrustsTheRootOfAClient) {
  auto server = Server(), renewed = Server(ServerSpec(Authority().LeafFor(kPay)));
  auto client = Client();
  for (const char* way : {"whole handshake", "chain found in the cache"}) {
    auto pair = Handshake(server, client);
    ASSERT_TRUE(pair->server.stream != nullptr) << pair->server.failure.detail;
    const uint64_t root = pair->server.stream->peer()->root;
    EXPECT_NE(root, 0u) << way;
    EXPECT_TRUE(renewed->StillTrusts(root)) << "a renewed certificate of ours";
    config::DownstreamTlsSpec roots = ServerSpec();
    const std::string other = pki::TestAuthority().root_pem();
    roots.common.validation->trusted_ca_pem += other;
    EXPECT_TRUE(Server(roots)->StillTrusts(root)) << "one more root";
    roots.common.validation->trusted_ca_pem = other;
    EXPECT_FALSE(Server(roots)->StillTrusts(root)) << "another root";
    EXPECT_TRUE(Server(roots)->StillTrusts(0)) << "a client without a certificate";
  }
}

TEST_F(TlsTest, ResumptionOnAnotherWorkersReactor) {
  auto server = Server();
  auto client = Client();
  auto first = Handshake(server, client);
  ASSERT_TRUE(first->client.stream != nullptr);
  EXPECT_EQ(Pass(*first->server.stream, *first->client.stream, "ticket"), "ticket");
  runtime::Reactor other(clock_);  // the server's other worker has only the context in common
  runtime::Scope scope(other);
  auto pair = std::make_unique<Pair>();
  auto [a, b] = net::MemoryStream::Pair(other);
  scope.Spawn(Accept(other, std::move(b), server, {}, In(std::chrono::seconds(5)), &pair->server));
  scope.Spawn(Connect(other, std::move(a), client, {}, In(std::chrono::seconds(5)), &pair->client));
  for (int i = 0; i < 50; ++i) other.RunOnce(runtime::Duration::zero());
  ASSERT_TRUE(pair->server.stream != nullptr) << pair->server.failure.detail;
  EXPECT_TRUE(pair->server.stream->resumed());
}

TEST_F(TlsTest, DisabledResumption) {
  config::DownstreamTlsSpec spec = ServerSpec();
  spec.disable_resumption = true;
  auto server = Server(spec);
  auto client = Client();
  for (int i = 0; i < 2; ++i) {
    auto pair = Handshake(server, client);
    ASSERT_TRUE(pair->client.stream && pair->server.stream);
    EXPECT_EQ(Pass(*pair->server.stream, *pair->client.stream, "no ticket"), "no ticket");
    EXPECT_FALSE(pair->client.stream->resumed());
  }
}

TEST_F(TlsTest, HundredRenewalsUnderLivingConnections) {
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < 100; ++i) {
    auto server = Server(ServerSpec(Authority().LeafFor(kPay)));
    auto client = Client(ClientSpec(Authority().LeafFor(kCart)));
    pairs.push_back(Handshake(server, client));  // the contexts live on in their connections only
    ASSERT_TRUE(pairs.back()->client.stream && pairs.back()->server.stream) << i;
    for (const auto& pair : pairs) {
      if (i % 25 == 24) EXPECT_EQ(Pass(*pair->client.stream, *pair->server.stream, "live"), "live");
    }
  }
  EXPECT_LE(SessionCache::ForThisThread().size(), SessionCache::kMaxSessions);
}

}  // namespace
}  // namespace weft::tls
