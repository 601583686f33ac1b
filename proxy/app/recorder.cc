#include "proxy/app/recorder.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proxy/telemetry/log.h"

namespace weft::app {
namespace {

using base::Failure;
using base::FailureKind;
using telemetry::Component;
using telemetry::LogLevel;

constexpr runtime::Duration kSweepEvery = std::chrono::minutes(1);

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// The details of failures of proxy/tls begin with one of its words: "certificate_expired: …".
std::string_view TlsWord(std::string_view detail) { return detail.substr(0, detail.find(':')); }

// "several Host fields" → "several_host_fields". The text is the codec's own, not the peer's.
std::string Word(std::string_view text) {
  std::string word;
  for (const char c : text.substr(0, 48)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    if (letter || capital) {
      word += capital ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty() && word.back() != '_') {
      word += '_';
    }
  }
  while (!word.empty() && word.back() == '_') word.pop_back();
  return word;
}

std::string Who(const http::ConnectionInfo& connection) {
  std::string text = absl::StrCat("connection ", connection.id, " from ", connection.peer.ToString(), " to ",
                                  connection.destination.ToString(), " (listener ", connection.listener);
  if (!connection.filter_chain.empty()) absl::StrAppend(&text, ", chain ", connection.filter_chain);
  if (!connection.sni.empty()) absl::StrAppend(&text, ", server name ", telemetry::Printable(connection.sni));
  if (connection.name_kind == "outer") absl::StrAppend(&text, " beside an encrypted one, or GREASE");
  if (connection.name_kind == "hidden") absl::StrAppend(&text, ", server name hidden");
  if (connection.direct_peer) absl::StrAppend(&text, ", through ", connection.direct_peer->ToString());
  if (!connection.peer_principal.empty()) absl::StrAppend(&text, ", peer ", connection.peer_principal);
  if (!connection.local_principal.empty()) absl::StrAppend(&text, ", we are ", connection.local_principal);
  return text + ")";
}

std::string Because(const Failure& failure) {
  std::string text(base::Name(failure.kind));
  if (!failure.detail.empty()) absl::StrAppend(&text, ": ", telemetry::Printable(failure.detail));
  return text;
}

}  // namespace

bool Recorder::Sampler::Allow(runtime::TimePoint now) {
  if (now - filled_ >= kRefill) {
    const auto tokens = static_cast<uint64_t>((now - filled_) / kRefill);
    left_ = static_cast<uint32_t>(std::min<uint64_t>(kBurst, left_ + tokens));
    filled_ = now;
  }
  if (left_ == 0) return false;
  --left_;
  return true;
}

Recorder::Recorder(RecorderDeps deps)
    : reactor_(deps.reactor),
      metrics_(deps.metrics),
      log_writer_(deps.log_writer),
      labels_(deps.metrics),
      access_(deps.reactor, deps.log_writer, deps.metrics) {
  labels_.SetOwn(std::move(deps.own));
}

// With the first connection: what belongs to the worker's thread.
void Recorder::Begin() {
  begun_ = true;
  telemetry::UseLogProducer(log_writer_.AddProducer(64 * 1024), log_writer_.File("/dev/stderr"));
  reactor_.timers().Arm(this, reactor_.now() + kSweepEvery);
}

void Recorder::OnTimer() {
  metrics_.Sweep();
  reactor_.timers().Arm(this, reactor_.now() + kSweepEvery);
}

bool Recorder::MayLog(Sampler& sampler, Component component, LogLevel level) {
  if (!telemetry::LogEnabled(component, level)) return false;
  const bool allowed = telemetry::LogEnabled(component, LogLevel::kDebug) || sampler.Allow(reactor_.now());
  (allowed ? metrics_.replies_logged : metrics_.replies_not_logged).Add();
  return allowed;
}

void Recorder::OnConnectionOpen(const http::ConnectionInfo& connection) {
  if (!begun_) Begin();
  CountersOf(connection).connections_opened.Add();
}

void Recorder::OnConnectionClose(const http::ConnectionInfo& connection) {
  CountersOf(connection).connections_closed.Add();
  if (telemetry::LogEnabled(Component::kTcp, LogLevel::kDebug)) {
    telemetry::Log(Component::kTcp, LogLevel::kDebug, "closed: " + Who(connection));
  }
}

void Recorder::OnConnectionRefused(const Failure& failure, const http::ConnectionInfo& connection) {
  telemetry::DirectionCounters& counters = CountersOf(connection);
  counters.refused[static_cast<size_t>(failure.kind)].Add();
  if (failure.phase == base::Phase::kTls) counters.tls_refused.Add(TlsWord(failure.detail));
  if (!MayLog(refusals_, Component::kTcp, LogLevel::kWarning)) return;
  std::string text = absl::StrCat("refused, ", Because(failure), "; ", Who(connection));
  // A refusal is understood only with both identities; without a handshake that succeeded the connection has none.
  const std::string& own = labels_.own().principal;
  if (connection.local_principal.empty() && !own.empty()) absl::StrAppend(&text, "; we are ", own);
  telemetry::Log(Component::kTcp, LogLevel::kWarning, text);
}

void Recorder::OnTlsAccepted(const http::ConnectionInfo& connection) {
  const auto tls = connection.peer_principal.empty() ? telemetry::Tls::kTls : telemetry::Tls::kMutual;
  CountersOf(connection).tls_accepted[static_cast<size_t>(tls)].Add();
}

void Recorder::OnAcceptFailed(int error) {
  if (!begun_) Begin();
  const bool descriptors = error == EMFILE || error == ENFILE;
  (descriptors ? metrics_.accepts_out_of_descriptors : metrics_.accepts_failed).Add();
  if (!MayLog(refusals_, Component::kAccept, LogLevel::kError)) return;
  telemetry::Log(Component::kAccept, LogLevel::kError,
                 absl::StrCat("no connection can be accepted: ", strerrordesc_np(error),
                              descriptors ? "; raise the limit of open files (ulimit -n)" : ""));
}

void Recorder::OnMalformed(const Failure& failure, http::ConnectionInfo& connection) {
  std::string reason = failure.kind == FailureKind::kMalformedRequest ? Word(failure.detail) : std::string();
  CountersOf(connection).malformed.Add(reason.empty() ? base::Name(failure.kind) : std::string_view(reason));
  if (!MayLog(malformed_, Component::kHttp, LogLevel::kInfo)) return;
  telemetry::Log(Component::kHttp, LogLevel::kInfo,
                 absl::StrCat("not a request, ", Because(failure), "; ", Who(connection)));
}

void Recorder::CountUpstream(telemetry::DirectionCounters& counters, const telemetry::TryStamps& stamps,
                             const Failure* failure) {
  if (stamps.dialled != telemetry::kUnset) {
    counters.upstream_connects.Add();
  } else if (stamps.request_sent != telemetry::kUnset) {
    counters.upstream_reused.Add();
  }
  if (failure != nullptr && failure->origin == base::Origin::kUpstream) {
    counters.upstream_failed[static_cast<size_t>(failure->kind)].Add();
  }
  if (failure != nullptr && failure->kind == FailureKind::kUpstreamTls) {
    counters.tls_failed.Add(TlsWord(failure->detail));
  }
}

void Recorder::OnRequestDone(const http::RequestHead& request, const http::ResponseHead* response,
                             http::Context& context) {
  telemetry::SeriesKey key = labels_.OfRequest(context);
  key.code_class = telemetry::ClassOf(response == nullptr ? 0 : response->status);
  if (context.failed) key.reason = telemetry::ReasonOf(context.failure.kind);
  const telemetry::RequestStamps& stamps = context.stamps;
  const runtime::TimePoint end = stamps.response_ended == telemetry::kUnset ? reactor_.now() : stamps.response_ended;
  metrics_.CountRequest(key, end - stamps.head_received, context.request_bytes, context.response_bytes);

  telemetry::DirectionCounters& counters = CountersOf(context.connection);
  if (context.request_bytes > 0) counters.bytes_received.Add(context.request_bytes);
  if (context.response_bytes > 0) counters.bytes_sent.Add(context.response_bytes);
  if (context.decision.tries > 1) counters.retries.Add(context.decision.tries - 1);
  CountUpstream(counters, stamps.last_try, context.failed ? &context.failure : nullptr);

  access_.OnRequest(request, response, context);
  LogRequest(request, response, context);
}

void Recorder::LogRequest(const http::RequestHead& request, const http::ResponseHead* response,
                          const http::Context& context) {
  LogLevel level = LogLevel::kDebug;
  if (context.failed)
    level = context.failure.origin == base::Origin::kDownstream ? LogLevel::kInfo : LogLevel::kWarning;
  if (!(context.failed ? MayLog(replies_, Component::kHttp, level) : telemetry::LogEnabled(Component::kHttp, level)))
    return;
  std::string text =
      absl::StrCat(View(request.method), " ", telemetry::Printable(request.authority),
                   telemetry::Printable(request.path), " -> ", response == nullptr ? 0 : response->status);
  if (context.failed) absl::StrAppend(&text, " by this proxy, ", Because(context.failure));
  if (!context.decision.route.empty()) absl::StrAppend(&text, "; route ", View(context.decision.route));
  if (!context.cluster_name.empty()) absl::StrAppend(&text, "; cluster ", View(context.cluster_name));
  if (context.decision.endpoint.valid()) absl::StrAppend(&text, "; endpoint ", context.decision.endpoint.ToString());
  if (context.decision.tries > 1) absl::StrAppend(&text, "; ", context.decision.tries, " tries");
  absl::StrAppend(&text, "; ", Who(context.connection));
  telemetry::Log(Component::kHttp, level, text);
}

void Recorder::OnOpaqueDone(const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection,
                            const config::FilterChain& chain) {
  const config::Snapshot* snapshot = snapshots_ == nullptr ? nullptr : snapshots_->current();
  telemetry::SeriesKey key = labels_.OfOpaque(outcome, connection, snapshot);
  if (outcome.failed) key.reason = telemetry::ReasonOf(outcome.failure.kind);
  metrics_.CountTcp(key, outcome.relayed.to_upstream, outcome.relayed.to_downstream);
  telemetry::DirectionCounters& counters = CountersOf(connection);
  counters.bytes_received.Add(outcome.relayed.to_upstream);
  counters.bytes_sent.Add(outcome.relayed.to_downstream);
  CountUpstream(counters, outcome.stamps, outcome.failed ? &outcome.failure : nullptr);
  access_.OnOpaque(chain, snapshot == nullptr ? 0 : snapshot->generation, outcome, connection);
  LogOpaque(outcome, connection);
}

void Recorder::LogOpaque(const downstream::OpaqueOutcome& outcome, const http::ConnectionInfo& connection) {
  if (!outcome.failed || !MayLog(replies_, Component::kTcp, LogLevel::kWarning)) return;
  std::string text = absl::StrCat("not carried, ", Because(outcome.failure), "; cluster ", outcome.cluster);
  if (outcome.endpoint.valid()) absl::StrAppend(&text, "; endpoint ", outcome.endpoint.ToString());
  telemetry::Log(Component::kTcp, LogLevel::kWarning, absl::StrCat(text, "; ", Who(connection)));
}

}  // namespace weft::app
