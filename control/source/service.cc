// Service and WorkloadEntry.
#include <arpa/inet.h>

#include <functional>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "control/source/convert.h"
#include "control/source/names.h"

namespace weft::control::source {
namespace {

constexpr uint32_t kMostWeight = 1000000;  // of the Gateway API

// Words of `protocol`, `appProtocol` and port names, lower case. kTls: sealed, we see a ClientHello, no more. kTcp:
// what is known by name to be neither, so that nobody waits for first bytes of a client that may be waiting for the
// server.
const std::map<std::string, model::Protocol, std::less<>>& ProtocolWords() {
  using enum model::Protocol;
  static const auto& words = *new std::map<std::string, model::Protocol, std::less<>>{
      {"http", kHttp},         {"http1.1", kHttp},
      {"http/1.1", kHttp},     {"ws", kHttp},
      {"http2", kHttp2},       {"h2c", kHttp2},
      {"grpc", kGrpc},         {"tls", kTls},
      {"https", kTls},         {"wss", kTls},
      {"ssl", kTls},           {"tcp", kTcp},
      {"postgres", kPostgres}, {"postgresql", kPostgres},
      {"mysql", kTcp},         {"mariadb", kTcp},
      {"redis", kTcp},         {"smtp", kTcp},
      {"submission", kTcp},    {"ftp", kTcp},
      {"imap", kTcp},          {"pop3", kTcp},
      {"ssh", kTcp},           {"mongo", kTcp},
      {"mongodb", kTcp},       {"amqp", kTcp},
      {"kafka", kTcp},         {"memcached", kTcp},
      {"mqtt", kTcp},          {"nats", kTcp},
      {"ldap", kTcp},          {"mssql", kTcp},
      {"cassandra", kTcp},     {"zookeeper", kTcp},
      {"telnet", kTcp},        {"nntp", kTcp},
      {"irc", kTcp},           {"xmpp", kTcp},
      {"rtsp", kTcp},          {"thrift", kTcp},
  };
  return words;
}

std::optional<model::Protocol> ProtocolFromWord(const std::string& word) {
  const auto it = ProtocolWords().find(absl::AsciiStrToLower(word));
  if (it == ProtocolWords().end()) return std::nullopt;
  return it->second;
}

// As Istio reads port names: the protocol, alone or before a '-'.
void ReadName(const std::string& name, model::ServicePort& port) {
  const std::vector<std::string> parts = absl::StrSplit(name, absl::MaxSplits('-', 1));
  const std::optional<model::Protocol> protocol = ProtocolFromWord(parts[0]);
  if (!protocol.has_value()) return;
  port.protocol = *protocol;
  port.declared = parts[0];
}

// Goes before the name. TCP is what Kubernetes writes into every port, so that it says nothing beside an appProtocol.
void ReadProtocol(const weft::v1::ServicePort& from, const std::string& field, model::ServicePort& port,
                  Checker& checker) {
  if (from.protocol().empty()) return;
  const std::optional<model::Protocol> protocol = ProtocolFromWord(from.protocol());
  if (!protocol.has_value()) {
    checker.Ok(field + ".protocol", from.protocol(),
               absl::EqualsIgnoreCase(from.protocol(), "UDP")
                   ? "is not carried by the mesh: UDP passes without it; leave the port out"
                   : "is no protocol of ours; HTTP, HTTP2, GRPC, TLS or TCP is wanted");
  }
  port.protocol = protocol.value_or(model::Protocol::kDetect);
  port.declared = from.protocol();
}

// Goes before both. Kubernetes allows any IANA name and any domain's own, so that an unknown one is no error.
void ReadAppProtocol(const weft::v1::ServicePort& from, const std::string& field, model::ServicePort& port,
                     Checker& checker) {
  if (from.app_protocol().empty()) return;
  constexpr absl::string_view kKubernetes = "kubernetes.io/";
  const absl::string_view word = absl::StripPrefix(from.app_protocol(), kKubernetes);
  const std::optional<model::Protocol> protocol = ProtocolFromWord(std::string(word));
  if (!protocol.has_value()) {
    checker.Ok(field + ".appProtocol", from.app_protocol(), CheckLabelKey(from.app_protocol()));
    checker.Warn(field + ".appProtocol", absl::StrCat(schema::Quoted(from.app_protocol()),
                                                      " is not known; the first bytes tell, as without it"));
    port.protocol = model::Protocol::kDetect;
    port.declared.clear();
    return;
  }
  const bool said_more = !from.protocol().empty() && !absl::EqualsIgnoreCase(from.protocol(), "TCP");
  if (said_more && port.protocol != *protocol) {
    checker.Ok(field + ".appProtocol", from.app_protocol(),
               absl::StrCat("disagrees with protocol ", schema::Quoted(from.protocol()), "; leave one of them out"));
  }
  port.protocol = *protocol;
  port.declared = from.app_protocol();
}

void ReadTargetPort(const std::string& text, const std::string& field, model::ServicePort& port, Checker& checker) {
  if (text.empty()) return;
  int number = 0;
  if (absl::SimpleAtoi(text, &number)) {
    if (checker.Port(field, number)) port.target_port = static_cast<uint16_t>(number);
    return;
  }
  checker.Ok(field, text, CheckLabel(text));
  port.target_name = text;
}

model::ServicePort PortFrom(const weft::v1::ServicePort& from, const std::string& field, Checker& checker) {
  model::ServicePort port;
  port.name = from.name();
  if (!from.name().empty()) checker.Ok(field + ".name", from.name(), CheckLabel(from.name()));
  if (checker.Port(field + ".port", from.port())) port.port = static_cast<uint16_t>(from.port());
  ReadTargetPort(from.target_port(), field + ".targetPort", port, checker);
  ReadName(from.name(), port);
  ReadProtocol(from, field, port, checker);
  ReadAppProtocol(from, field, port, checker);
  return port;
}

void ReadPorts(const weft::v1::ServiceSpec& spec, model::Service& service, Checker& checker) {
  if (spec.ports().empty()) checker.Error("spec.ports", "is empty; a service needs at least one port");
  std::set<int> numbers;
  std::set<std::string> names;
  for (int i = 0; i < spec.ports_size(); ++i) {
    const std::string field = At("spec.ports", i);
    const weft::v1::ServicePort& from = spec.ports(i);
    service.ports.push_back(PortFrom(from, field, checker));
    if (!numbers.insert(from.port()).second)
      checker.Error(field + ".port", absl::StrCat(from.port(), " is there twice"));
    if (from.name().empty()) {
      if (spec.ports_size() > 1) checker.Error(field + ".name", "is missing; with several ports each needs a name");
    } else if (!names.insert(from.name()).second) {
      checker.Ok(field + ".name", from.name(), "is the name of an earlier port already");
    }
  }
}

std::string CheckServiceAddress(const std::string& text) {
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    const uint32_t host = ntohl(v4.s_addr);
    if (host == 0 || (host >> 24) == 127 || (host >> 28) == 0xe) return "is no address that clients can connect to";
    if ((host >> 16) == 0xf0f0) return "is of 240.240.0.0/16, which the control plane gives out; leave it out";
    return "";
  }
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return "is no IP address; one, or the single word None, is wanted";
  if (IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_MULTICAST(&v6)) {
    return "is no address that clients can connect to";
  }
  return "";
}

void ReadAddresses(const weft::v1::ServiceSpec& spec, model::Service& service, Checker& checker) {
  if (spec.addresses_size() == 1 && spec.addresses(0) == "None") {
    service.headless = true;
    return;
  }
  std::set<std::string> seen;
  for (int i = 0; i < spec.addresses_size(); ++i) {
    const std::string field = At("spec.addresses", i);
    if (!checker.Ok(field, spec.addresses(i), CheckServiceAddress(spec.addresses(i)))) continue;
    const std::string address = CanonicalIp(spec.addresses(i));
    if (!seen.insert(address).second) checker.Ok(field, address, "is there twice");
    service.addresses.push_back(address);
  }
}

void ReadHosts(const weft::v1::ServiceSpec& spec, model::Service& service, Checker& checker) {
  const std::string& name = service.meta.name.name;
  const std::string in_namespace = name + "." + service.meta.name.ns;
  service.hosts = {name, in_namespace, in_namespace + ".svc", in_namespace + ".svc.cluster.local"};
  std::set<std::string> seen(service.hosts.begin(), service.hosts.end());
  std::set<std::string> users;
  for (int i = 0; i < spec.hosts_size(); ++i) {
    const std::string field = At("spec.hosts", i);
    checker.Ok(field, spec.hosts(i), CheckHost(spec.hosts(i), /*wildcard=*/false));
    if (!users.insert(spec.hosts(i)).second) checker.Ok(field, spec.hosts(i), "is there twice");
    if (seen.insert(spec.hosts(i)).second) service.hosts.push_back(spec.hosts(i));
  }
}

model::Locality LocalityFrom(const std::string& text, Checker& checker) {
  model::Locality locality;
  if (text.empty()) return locality;
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  bool good = parts.size() <= 3;
  for (const std::string& part : parts) good = good && !part.empty();
  if (!good) {
    checker.Ok("spec.locality", text, "is no locality; REGION, REGION/ZONE or REGION/ZONE/SUBZONE is wanted");
    return locality;
  }
  locality.region = parts[0];
  if (parts.size() > 1) locality.zone = parts[1];
  if (parts.size() > 2) locality.sub_zone = parts[2];
  return locality;
}

template <typename Map>
model::Labels LabelsFrom(const Map& from, const std::string& field, Checker& checker) {
  model::Labels labels;
  for (const auto& [key, value] : from) {
    checker.Ok(Entry(field, key), key, CheckLabelKey(key));
    checker.Ok(Entry(field, key), value, CheckLabelValue(value));
    labels[key] = value;
  }
  return labels;
}

}  // namespace

model::Service ServiceFrom(const weft::v1::Service& from, Checker& checker) {
  model::Service service;
  service.meta = MetaFrom(from.metadata(), checker);
  ReadHosts(from.spec(), service, checker);
  ReadAddresses(from.spec(), service, checker);
  ReadPorts(from.spec(), service, checker);
  service.selector = LabelsFrom(from.spec().selector(), "spec.selector", checker);
  return service;
}

model::WorkloadEntry WorkloadFrom(const weft::v1::WorkloadEntry& from, Checker& checker) {
  const weft::v1::WorkloadEntrySpec& spec = from.spec();
  model::WorkloadEntry workload;
  workload.meta = MetaFrom(from.metadata(), checker);
  workload.address = CanonicalIp(spec.address());
  if (spec.address().empty()) {
    checker.Error("spec.address", "is missing; the IP address of the workload is wanted");
  } else if (workload.address.empty()) {
    checker.Ok("spec.address", spec.address(), "is no IP address");
  } else if (workload.address == "0.0.0.0" || workload.address == "::") {
    checker.Ok("spec.address", spec.address(), "is no address that anybody can connect to");
  }
  for (const auto& [name, port] : spec.ports()) {
    const std::string field = Entry("spec.ports", name);
    checker.Ok(field, name, CheckLabel(name));
    if (checker.Port(field, port)) workload.ports[name] = static_cast<uint16_t>(port);
  }
  workload.labels = LabelsFrom(spec.labels(), "spec.labels", checker);
  if (workload.labels.empty()) workload.labels = workload.meta.labels;
  workload.service_account = spec.service_account().empty() ? "default" : spec.service_account();
  checker.Ok("spec.serviceAccount", workload.service_account, CheckSubdomain(workload.service_account));
  workload.locality = LocalityFrom(spec.locality(), checker);
  workload.network = spec.network();
  const int64_t weight = spec.has_weight() ? spec.weight() : 1;
  if (weight < 0 || weight > kMostWeight) {
    checker.Error("spec.weight", absl::StrCat(weight, " is no weight; 0 to ", kMostWeight, " is wanted"));
  }
  workload.weight = static_cast<uint32_t>(weight);
  if (!spec.tls_mode().empty() && spec.tls_mode() != "MUTUAL" && spec.tls_mode() != "DISABLE") {
    checker.Ok("spec.tlsMode", spec.tls_mode(), "is no TLS mode; MUTUAL or DISABLE is wanted");
  }
  workload.mutual_tls = spec.tls_mode() != "DISABLE";
  return workload;
}

}  // namespace weft::control::source
