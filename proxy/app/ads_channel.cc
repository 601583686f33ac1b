#include "proxy/app/ads_channel.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::app {
namespace {

constexpr char kSystemRoots[] = "/etc/ssl/certs/ca-certificates.crt";

absl::StatusOr<std::string> RootsOf(const config::ValidationSpec& validation) {
  if (!validation.trusted_ca_pem.empty()) return validation.trusted_ca_pem;
  if (validation.system_roots) {
    std::ifstream file(kSystemRoots, std::ios::binary);
    std::string roots{std::istreambuf_iterator<char>(file), {}};
    if (!roots.empty()) return roots;
    return absl::FailedPreconditionError(absl::StrCat("cannot read the system's roots from ", kSystemRoots));
  }
  return absl::FailedPreconditionError("its TLS settings have no trusted_ca to check the control plane with");
}

bool IsDnsName(const config::SanMatchSpec& san) {
  return san.type == config::SanMatchSpec::Type::kDns && san.how == config::SanMatchSpec::How::kExact;
}

// gRPC checks one DNS name. A check that was asked for and that it cannot do must not be left out without a word.
absl::Status CheckIsPossible(const config::ValidationSpec& validation) {
  const auto& sans = validation.sans;
  if (!sans.empty() && std::none_of(sans.begin(), sans.end(), &IsDnsName)) {
    return absl::FailedPreconditionError(
        "its TLS settings ask for names of the control plane of which none is an exact DNS name, which is all that can "
        "be "
        "checked here");
  }
  if (validation.spki_sha256_base64.empty() && validation.certificate_sha256.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "its TLS settings pin the control plane's certificate, which cannot be checked here");
}

// The name that the server's certificate must have: a DNS name that is asked for, else the one that we send, else the
// host's.
std::string ServerName(const config::UpstreamTlsSpec& spec, const config::ClusterSpec& cluster) {
  if (spec.common.validation) {
    for (const config::SanMatchSpec& san : spec.common.validation->sans) {
      if (IsDnsName(san)) return san.text;
    }
  }
  if (!spec.sni.empty()) return spec.sni;
  const config::HostSpec& host = cluster.hosts.front();
  return host.hostname.empty() ? host.address.ip() : host.hostname;
}

}  // namespace

std::string AdsTarget(const config::ClusterSpec& cluster) {
  const config::HostSpec& first = cluster.hosts.front();
  if (cluster.discovery == config::Discovery::kStrictDns) {
    return absl::StrCat("dns:///", first.hostname, ":", first.address.port());
  }
  if (!first.address.is_ip()) return first.address.ToString();  // "unix:/path"
  std::string target = first.address.family() == AF_INET6 ? "ipv6:" : "ipv4:";
  for (const config::HostSpec& host : cluster.hosts) {
    if (host.address.family() != first.address.family()) continue;
    absl::StrAppend(&target, &host == &first ? "" : ",", host.address.ToString());
  }
  return target;
}

absl::StatusOr<discovery::ChannelTls> AdsTls(const config::UpstreamTlsSpec& spec, const config::ClusterSpec& cluster) {
  if (!spec.common.validation) {
    return absl::FailedPreconditionError("its TLS settings do not check the control plane's certificate");
  }
  if (absl::Status status = CheckIsPossible(*spec.common.validation); !status.ok()) return status;
  auto roots = RootsOf(*spec.common.validation);
  if (!roots.ok()) return roots.status();
  discovery::ChannelTls tls;
  tls.roots_pem = *std::move(roots);
  tls.server_name = ServerName(spec, cluster);
  if (!spec.common.certificates.empty()) {
    tls.key_pem = spec.common.certificates.front().key_pem;
    tls.chain_pem = spec.common.certificates.front().chain_pem;
  }
  return tls;
}

AdsChannel::AdsChannel(const assemble::Assembler& assembler, const config::ClusterSpec& cluster,
                       const config::AdsSpec& ads)
    : assembler_(assembler), cluster_(cluster) {
  fixed_.target = AdsTarget(cluster);
  fixed_.authority = ads.authority;
  fixed_.metadata = ads.metadata;
  fixed_.connect_timeout = cluster.connect_timeout;
}

absl::StatusOr<discovery::Channel> AdsChannel::Current() {
  absl::StatusOr<std::optional<config::UpstreamTlsSpec>> spec = assembler_.ClientTls(cluster_.name);
  if (!spec.ok()) return spec.status();
  discovery::Channel channel = fixed_;
  if (spec->has_value()) {
    absl::StatusOr<discovery::ChannelTls> tls = AdsTls(**spec, cluster_);
    if (!tls.ok())
      return absl::Status(tls.status().code(), absl::StrCat("cluster ", cluster_.name, ": ", tls.status().message()));
    channel.tls = *std::move(tls);
  }
  return channel;
}

}  // namespace weft::app
