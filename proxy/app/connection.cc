#include "proxy/app/connection.h"

#include <memory>
#include <utility>

#include "proxy/app/data_path.h"
#include "proxy/detect/classify.h"
#include "proxy/downstream/http1_server.h"
#include "proxy/downstream/opaque_server.h"
#include "proxy/net/socket_stream.h"
#include "proxy/tls/stream.h"

namespace weft::app {
namespace {

using base::Failure;
using base::FailureKind;
using base::Result;
using runtime::Task;

Failure Refusal(FailureKind kind, std::string detail) {
  return Failure{kind, base::Origin::kProxy, base::Phase::kAccept, base::RetrySafety::kNever, std::move(detail)};
}

// What the first bytes said, and the bytes.
struct FirstBytes {
  base::ByteChain received;
  detect::Verdict verdict;
  bool ended = false;  // the client finished or failed before it said anything
};

// Reads until the bytes are known for what they are. Bounded by the caller.
Task<bool> ReadFirstBytes(runtime::Reactor& reactor, net::ByteStream& stream, FirstBytes& first, telemetry::Stamp* stamp) {
  std::string text;
  for (;;) {
    base::BufferRef buffer = base::BufferPool::ForThisThread().Take();
    const net::IoResult got = stream.TryRead(buffer.data(), buffer.capacity());
    if (got.state == net::IoState::kWouldBlock) {
      buffer.Reset();
      co_await stream.Readable();
      continue;
    }
    if (got.state != net::IoState::kOk) {
      first.ended = text.empty();
      first.verdict.protocol = detect::Protocol::kOpaque;  // what came is all that comes
      co_return true;
    }
    if (text.empty()) *stamp = reactor.now();
    text.append(buffer.data(), got.bytes);
    first.received.Append(base::Slice{buffer, buffer.data(), got.bytes});
    first.verdict = detect::Classify(text);
    if (first.verdict.protocol != detect::Protocol::kNeedMore) co_return true;
  }
}

// Finds the connection's filter chain again in each Snapshot.
class Selector final : public downstream::ChainSelector {
 public:
  Selector(const http::ConnectionInfo& info, const detect::Verdict& verdict) : info_(info), verdict_(verdict) {}

  const config::FilterChain* Select(const config::Snapshot& snapshot) override {
    const config::Listener* listener = snapshot.FindListener(info_.listener);
    if (listener == nullptr) return nullptr;
    config::ConnectionFacts facts;
    facts.destination = info_.destination;
    facts.source = info_.peer;
    facts.tls = verdict_.protocol == detect::Protocol::kTls;
    facts.server_name = verdict_.hello.server_name;
    for (const std::string& protocol : verdict_.hello.protocols) facts.application_protocols.push_back(protocol);
    if (listener->spec.http_inspector) {
      if (verdict_.protocol == detect::Protocol::kHttp1) facts.application_protocols.push_back("http/1.1");
      if (verdict_.protocol == detect::Protocol::kHttp2) facts.application_protocols.push_back("h2c");
    }
    return listener->Match(facts);
  }

 private:
  const http::ConnectionInfo& info_;
  const detect::Verdict& verdict_;
};

// Tells the Observer of the connection's beginning and end, whatever way it takes.
class Counted {
 public:
  Counted(Observer& observer, WorkerLoad& load, http::ConnectionInfo& info, runtime::Reactor& reactor)
      : observer_(observer), load_(load), info_(info), reactor_(reactor) {
    load_.connections.fetch_add(1);
    observer_.OnConnectionOpen(info_);
  }
  ~Counted() {
    info_.stamps.closed = reactor_.now();
    observer_.OnConnectionClose(info_);
    load_.connections.fetch_sub(1);
  }

 private:
  Observer& observer_;
  WorkerLoad& load_;
  http::ConnectionInfo& info_;
  runtime::Reactor& reactor_;
};

// Reports an opaque connection also when its task is cut from outside.
class OpaqueReport {
 public:
  OpaqueReport(Observer& observer, const http::ConnectionInfo& info) : observer_(observer), info_(info) {}
  ~OpaqueReport() { observer_.OnOpaqueDone(outcome, info_); }
  downstream::OpaqueOutcome outcome;

 private:
  Observer& observer_;
  const http::ConnectionInfo& info_;
};

void FindDestination(int fd, const config::Listener& listener, http::ConnectionInfo* info) {
  info->local = net::LocalAddress(fd);
  info->destination = info->local;
  if (!listener.needs_original_destination) return;
  if (auto original = net::OriginalDestination(fd)) {
    info->destination = *original;
    info->redirected = true;
  }
}

// A connection to the captured port itself, which nothing redirected, would be sent back to us for ever.
bool IsLoop(const config::Listener& listener, const http::ConnectionInfo& info) {
  return listener.needs_original_destination && listener.spec.bind_to_port && !info.redirected &&
         listener.spec.direction != config::Direction::kUnspecified && info.destination == info.local && listener.loops_without_redirect;
}

}  // namespace

Task<void> ServeConnection(DataPath& path, std::string listener_name, accept::Accepted accepted) {
  runtime::Reactor& reactor = path.reactor_;
  http::ConnectionInfo info;
  info.id = path.next_connection_id_;
  path.next_connection_id_ += 1024;
  info.peer = accepted.peer;
  info.listener = std::move(listener_name);
  info.stamps.accepted = reactor.now();
  const config::Listener* listener = path.snapshots_.current()->FindListener(info.listener);
  if (listener == nullptr) co_return;  // removed a moment ago
  FindDestination(accepted.fd.get(), *listener, &info);
  // 1. With use_original_dst the listener of the destination takes over.
  if (listener->spec.use_original_dst) {
    if (const config::Listener* owner = path.snapshots_.current()->FindListenerFor(info.destination)) {
      listener = owner;
      info.listener = owner->spec.name;
    }
  }
  info.inbound = listener->spec.direction == config::Direction::kInbound;
  Counted counted(path.observer_, path.load_, info, reactor);
  if (IsLoop(*listener, info)) {
    path.observer_.OnConnectionRefused(Refusal(FailureKind::kLoop, "connection to the captured port itself"), info);
    co_return;
  }
  auto adopted = net::SocketStream::Adopt(reactor, std::move(accepted.fd), info.peer);
  if (!adopted.ok()) {
    path.observer_.OnConnectionRefused(adopted.failure(), info);
    co_return;
  }
  std::unique_ptr<net::ByteStream> stream = std::move(*adopted);

  // 2. First bytes, where a filter chain asks for them.
  FirstBytes first;
  if (listener->needs_first_bytes) {
    const runtime::Duration limit = listener->spec.first_bytes_timeout;
    const bool go_on = listener->spec.continue_on_first_bytes_timeout;
    const runtime::TimePoint deadline = limit > runtime::Duration::zero() ? reactor.now() + limit : runtime::kNever;
    const auto ended = co_await runtime::Within(reactor, deadline, nullptr,
                                                ReadFirstBytes(reactor, *stream, first, &info.stamps.first_byte));
    if (ended.outcome != runtime::Outcome::kDone) {
      if (!go_on) {
        path.observer_.OnConnectionRefused(Refusal(FailureKind::kTimeout, "no first bytes in time"), info);
        co_return;
      }
      first.verdict.protocol = detect::Protocol::kOpaque;
    }
    if (first.ended && first.received.empty()) co_return;
    info.sni = first.verdict.hello.server_name;
  }

  // 3. The filter chain.
  Selector selector(info, first.verdict);
  config::WorkerSnapshots::Pin pin = path.snapshots_.PinCurrent();
  const config::FilterChain* chain = selector.Select(*pin.get());
  if (chain == nullptr) {
    path.observer_.OnConnectionRefused(Refusal(FailureKind::kNoFilterChain, "listener " + info.listener), info);
    stream->Reset();
    co_return;
  }
  info.filter_chain = chain->name;

  // 4. TLS, when the chain terminates it.
  if (chain->needs_secret) {
    path.observer_.OnConnectionRefused(Refusal(FailureKind::kNoConfig, "the certificate of " + chain->name + " has not come"), info);
    stream->Reset();
    co_return;
  }
  if (chain->tls != nullptr) {
    auto secured = co_await tls::TlsStream::Accept(reactor, std::move(stream), chain->tls, std::move(first.received),
                                                   reactor.now() + chain->tls_timeout);
    if (!secured.ok()) {
      path.observer_.OnConnectionRefused(secured.failure(), info);
      co_return;
    }
    first.received = base::ByteChain();
    info.tls = true;
    info.stamps.tls_done = reactor.now();
    info.alpn = (*secured)->alpn();
    info.sni = (*secured)->server_name();
    info.peer_principal = std::string((*secured)->peer_uri());
    info.local_principal = (*secured)->local_uri();
    path.observer_.OnTlsAccepted(info);
    stream = std::move(*secured);
  }

  // 5. HTTP or opaque.
  if (chain->http) {
    pin = config::WorkerSnapshots::Pin();  // each request pins its own
    downstream::ServerDeps deps{reactor, path.snapshots_, path.line_.first(), path.observer_, path.draining_};
    co_await downstream::ServeHttp1(deps, selector, info, *stream, std::move(first.received));
    co_return;
  }
  config::TcpProxySpec spec = chain->tcp->spec;
  pin = config::WorkerSnapshots::Pin();
  OpaqueReport report(path.observer_, info);
  co_await downstream::ServeOpaque({reactor, path.snapshots_, path.line_.picker}, std::move(spec), info, *stream,
                                   std::move(first.received), report.outcome);
}

}  // namespace weft::app
