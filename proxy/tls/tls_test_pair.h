// A client and a server TlsStream over a pair of streams in memory, driven by a reactor with a fake clock. For tests of
// this folder.
#ifndef WEFT_PROXY_TLS_TLS_TEST_PAIR_H_
#define WEFT_PROXY_TLS_TLS_TEST_PAIR_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "pki/test_authority.h"
#include "proxy/net/memory_stream.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/scope.h"
#include "proxy/tls/context.h"
#include "proxy/tls/stream.h"

namespace weft::tls {

inline constexpr char kCart[] = "spiffe://cluster.local/ns/shop/sa/cart";
inline constexpr char kPay[] = "spiffe://cluster.local/ns/shop/sa/pay";

inline const pki::TestAuthority& Authority() {
  static const pki::TestAuthority* const authority = new pki::TestAuthority;
  return *authority;
}

inline config::CertificateSpec Certificate(const pki::TestLeaf& leaf) {
  config::CertificateSpec spec;
  spec.chain_pem = leaf.chain_pem;
  spec.key_pem = leaf.key_pem;
  return spec;
}

inline config::ValidationSpec Trust(const std::string& wanted_uri = "") {
  config::ValidationSpec validation;
  validation.trusted_ca_pem = Authority().root_pem();
  if (!wanted_uri.empty()) {
    config::SanMatchSpec san;
    san.text = wanted_uri;
    validation.sans.push_back(san);
  }
  return validation;
}

// The mesh's own use: mutual, exact SPIFFE IDs.
inline config::DownstreamTlsSpec ServerSpec(const pki::TestLeaf& leaf = Authority().LeafFor(kPay)) {
  config::DownstreamTlsSpec spec;
  spec.common.certificates = {Certificate(leaf)};
  spec.common.validation = Trust(kCart);
  spec.require_client_certificate = true;
  return spec;
}
inline config::UpstreamTlsSpec ClientSpec(const pki::TestLeaf& leaf = Authority().LeafFor(kCart)) {
  config::UpstreamTlsSpec spec;
  spec.common.certificates = {Certificate(leaf)};
  spec.common.validation = Trust(kPay);
  return spec;
}

inline std::shared_ptr<const ServerContext> Server(const config::DownstreamTlsSpec& spec = ServerSpec()) {
  auto context = ServerContext::Create(spec);
  EXPECT_TRUE(context.ok()) << context.status();
  return context.ok() ? *std::move(context) : nullptr;
}
inline std::shared_ptr<const ClientContext> Client(const config::UpstreamTlsSpec& spec = ClientSpec()) {
  auto context = ClientContext::Create(spec);
  EXPECT_TRUE(context.ok()) << context.status();
  return context.ok() ? *std::move(context) : nullptr;
}

class TlsTest : public ::testing::Test {
 protected:
  struct End {
    bool done = false;
    std::unique_ptr<TlsStream> stream;
    base::Failure failure;
    net::MemoryStream* lower = nullptr;  // valid while `stream` or the handshake lives
  };
  struct Pair {
    End client, server;
  };

  static runtime::Task<void> Accept(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower,
                                    std::shared_ptr<const ServerContext> context, base::ByteChain prefix,
                                    runtime::TimePoint deadline, End* end) {
    auto result =
        co_await TlsStream::Accept(reactor, std::move(lower), std::move(context), std::move(prefix), deadline);
    Keep(std::move(result), end);
  }
  static runtime::Task<void> Connect(runtime::Reactor& reactor, std::unique_ptr<net::ByteStream> lower,
                                     std::shared_ptr<const ClientContext> context, ConnectOptions options,
                                     runtime::TimePoint deadline, End* end) {
    auto result =
        co_await TlsStream::Connect(reactor, std::move(lower), std::move(context), std::move(options), deadline);
    Keep(std::move(result), end);
  }
  static void Keep(TlsStream::Handshaken result, End* end) {
    end->done = true;
    if (result.ok()) {
      end->stream = std::move(*result);
    } else {
      end->failure = std::move(result.failure());
    }
  }

  runtime::TimePoint In(runtime::Duration time) const { return clock_.Monotonic() + time; }

  // Starts both handshakes and turns the loop until both ended (or 5 fake seconds passed).
  std::unique_ptr<Pair> Handshake(std::shared_ptr<const ServerContext> server,
                                  std::shared_ptr<const ClientContext> client, net::MemoryStream::Faults faults = {},
                                  ConnectOptions options = {}) {
    auto pair = std::make_unique<Pair>();
    auto [a, b] = net::MemoryStream::Pair(reactor_);
    a->faults() = b->faults() = faults;
    pair->client.lower = a.get();
    pair->server.lower = b.get();
    const auto deadline = In(std::chrono::seconds(5));
    scope_.Spawn(Accept(reactor_, std::move(b), std::move(server), {}, deadline, &pair->server));
    scope_.Spawn(Connect(reactor_, std::move(a), std::move(client), std::move(options), deadline, &pair->client));
    TurnUntil([&] { return pair->client.done && pair->server.done; });
    return pair;
  }

  template <class Condition>
  bool TurnUntil(Condition condition, int turns = 20000) {
    for (int i = 0; i < turns && !condition(); ++i) {
      reactor_.RunOnce(runtime::Duration::zero());
      clock_.Advance(std::chrono::milliseconds(1));
    }
    return condition();
  }
  void Turn(int turns) {
    TurnUntil([] { return false; }, turns);
  }

  // Writes all and reads all on the other side, turning the loop as needed.
  std::string Pass(TlsStream& from, TlsStream& to, const std::string& text) {
    std::string got;
    size_t sent = 0;
    std::string room(70000, '\0');
    TurnUntil([&] {
      if (sent < text.size()) {
        const net::IoResult put = from.TryWrite(text.data() + sent, text.size() - sent);
        if (put.state == net::IoState::kOk) sent += put.bytes;
        EXPECT_NE(put.state, net::IoState::kError) << from.ErrorText();
      } else {
        from.Flush();
      }
      const net::IoResult get = to.TryRead(room.data(), room.size());
      if (get.state == net::IoState::kOk) got.append(room, 0, get.bytes);
      EXPECT_NE(get.state, net::IoState::kError) << to.ErrorText();
      return got.size() >= text.size();
    });
    return got;
  }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  runtime::Scope scope_{reactor_};
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_TLS_TEST_PAIR_H_
