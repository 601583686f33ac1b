#include "proxy/identity/first_contact.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pki/absl_view.h"
#include "pki/certificate.h"
#include "proxy/tls/context.h"
#include "proxy/tls/fault.h"
#include "proxy/tls/stream.h"

namespace weft::identity {
namespace {

using pki::AbslView;

std::string WhoIs(const pki::CertificateFacts& leaf) {
  std::vector<std::string> names = leaf.dns_sans;
  names.insert(names.end(), leaf.uri_sans.begin(), leaf.uri_sans.end());
  if (names.empty()) return leaf.subject.empty() ? absl::StrCat("serial ", leaf.serial) : leaf.subject;
  return absl::StrJoin(names, ", ");
}

bool IsRoot(const pki::CertificateFacts& one) { return one.is_ca && one.self_issued; }

absl::StatusOr<std::shared_ptr<const tls::ClientContext>> UncheckedContext(const std::string& server_name) {
  config::UpstreamTlsSpec spec;
  spec.sni = server_name;
  spec.common.alpn = {"h2"};  // gRPC servers refuse clients without it
  spec.common.validation.emplace().accept_untrusted = true;
  return tls::ClientContext::Create(spec);
}

}  // namespace

absl::StatusOr<std::string> FindRoot(std::string_view chain_pem, std::string_view server_name,
                                     std::string_view root_sha256, absl::Time now) {
  auto facts = pki::ReadCertificates(chain_pem);
  if (!facts.ok())
    return absl::PermissionDeniedError(absl::StrCat("the server's certificate: ", facts.status().message()));
  auto blocks = pki::SplitCertificates(chain_pem);
  if (!blocks.ok()) return blocks.status();
  const pki::CertificateFacts& leaf = facts->front();

  const auto found = std::find_if(facts->begin(), facts->end(), [&](const pki::CertificateFacts& one) {
    return IsRoot(one) && one.spki_sha256 == root_sha256;
  });
  if (found == facts->end()) {
    const bool shows_a_root = std::any_of(facts->begin(), facts->end(), IsRoot);
    return absl::PermissionDeniedError(absl::StrCat(
        "the server (", WhoIs(leaf), ") ",
        shows_a_root ? "has another root than the one that made the token" : "does not show its root certificate"));
  }
  std::string root = (*blocks)[static_cast<size_t>(found - facts->begin())];

  // The root alone proves nothing: everybody may copy it.
  if (absl::Status status = pki::CheckChain(chain_pem, root, std::nullopt); !status.ok()) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the server (", WhoIs(leaf), ") shows the right root, but is not certified by it: ", status.message()));
  }
  // Every workload has a certificate under this root, and none of them a DNS name.
  const bool is_control_plane = std::any_of(leaf.dns_sans.begin(), leaf.dns_sans.end(), [&](const std::string& name) {
    return absl::EqualsIgnoreCase(name, AbslView(server_name));
  });
  if (!is_control_plane) {
    return absl::PermissionDeniedError(absl::StrCat("the server is ", WhoIs(leaf), ", not the control plane ",
                                                    AbslView(server_name), "; is another --ca-server-name meant?"));
  }
  if (absl::Status status = pki::CheckChain(chain_pem, root, now); !status.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("the server (", WhoIs(leaf), "): ", status.message(),
                                                      "; our clock says ", absl::FormatTime(now, absl::UTCTimeZone())));
  }
  return root;
}

runtime::Task<absl::StatusOr<std::string>> AskForRoot(runtime::Reactor& reactor,
                                                      std::unique_ptr<net::ByteStream> connection,
                                                      std::string server_name, std::string root_sha256,
                                                      runtime::TimePoint deadline) {
  auto context = UncheckedContext(server_name);
  if (!context.ok()) co_return context.status();
  tls::ConnectOptions options;
  options.resume = false;  // a resumed session shows no chain
  auto handshaken = co_await tls::TlsStream::Connect(reactor, std::move(connection), *std::move(context),
                                                     std::move(options), deadline);
  if (!handshaken.ok()) {
    const std::string& detail = handshaken.failure().detail;
    const bool not_tls = detail.starts_with(tls::Name(tls::Fault::kNotTls));
    co_return absl::UnavailableError(
        absl::StrCat(detail, not_tls ? "; is it the control plane's TLS port (15012, if nothing else is said)?" : ""));
  }
  const std::string chain = (*handshaken)->PeerChainPem();
  (*handshaken)->Close();
  co_return FindRoot(chain, server_name, root_sha256, absl::FromUnixMicros(reactor.clock().WallMicros()));
}

}  // namespace weft::identity
