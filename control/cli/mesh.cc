// proxies, config, certs.
#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "control/cli/commands.h"
#include "control/cli/print.h"
#include "control/cli/table.h"
#include "control/cli/xds_types.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"

namespace weft::cli {
namespace {

using weft::v1::Control;

bool ForPrograms(const Session& session) {
  return session.in().format == Format::kJson || session.in().format == Format::kYaml;
}

// "Listener" of type.googleapis.com/envoy.config.listener.v3.Listener.
std::string TypeName(const std::string& url) { return url.substr(url.find_last_of("./") + 1); }

std::string TypeUrl(const std::string& word) {
  const std::pair<const char*, const char*> kTypes[] = {
      {"listeners", "envoy.config.listener.v3.Listener"},
      {"routes", "envoy.config.route.v3.RouteConfiguration"},
      {"clusters", "envoy.config.cluster.v3.Cluster"},
      {"endpoints", "envoy.config.endpoint.v3.ClusterLoadAssignment"},
      {"secrets", "envoy.extensions.transport_sockets.tls.v3.Secret"},
  };
  for (const auto& [name, type] : kTypes) {
    if (word == name) return absl::StrCat("type.googleapis.com/", type);
  }
  return "";
}

// The resource's own name: its field `name`, or `cluster_name`.
std::string ResourceName(const google::protobuf::Any& resource) {
  std::string type;
  if (!google::protobuf::Any::ParseAnyTypeUrl(resource.type_url(), &type)) return "";
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return "";
  const std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  if (!message->ParseFromString(resource.value())) return "";
  for (const char* name : {"name", "cluster_name"}) {
    const auto* field = descriptor->FindFieldByName(name);
    if (field != nullptr && field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING &&
        !field->is_repeated()) {
      return message->GetReflection()->GetString(*message, field);
    }
  }
  return "";
}

// The last path of a SPIFFE id says who it is: ns/sa.
std::string ShortIdentity(const std::string& uri) {
  const size_t ns = uri.find("/ns/"), sa = uri.find("/sa/");
  if (!absl::StartsWith(uri, "spiffe://") || ns == uri.npos || sa == uri.npos || sa < ns) return uri;
  return absl::StrCat(uri.substr(ns + 4, sa - ns - 4), "/", uri.substr(sa + 4));
}

// weft-control shows such proxies as ID@ADDRESS.
void WarnOfEqualIds(const weft::v1::ListProxiesResponse& response, Session* session) {
  std::map<std::string, int> by_id;
  for (const auto& proxy : response.proxies()) {
    const std::string suffix = absl::StrCat("@", proxy.address());
    if (absl::EndsWith(proxy.id(), suffix)) ++by_id[proxy.id().substr(0, proxy.id().size() - suffix.size())];
  }
  for (const auto& [id, count] : by_id) {
    session->Warn(absl::StrCat(count, " proxies call themselves ", OneLine(id), "; give each a node.id of its own"));
  }
}

}  // namespace

int Proxies(Session* session) {
  weft::v1::ListProxiesRequest request;
  request.set_namespace_(session->in().ns);
  weft::v1::ListProxiesResponse response;
  if (!session->Call(&Control::StubInterface::ListProxies, request, &response)) return session->exit();
  if (ForPrograms(*session)) return PrintMessage(response, session);
  const bool wide = session->in().format == Format::kWide;
  std::vector<std::string> header = {"PROXY", "IDENTITY", "CONFIG", "CONNECTED", "REJECTED"};
  if (wide) header.insert(header.end(), {"ADDRESS", "VERSION"});
  Table table(header);
  std::vector<std::string> rejections;
  for (const auto& proxy : response.proxies()) {
    int rejected = 0;
    for (const auto& type : proxy.types()) {
      if (type.rejection().empty()) continue;
      ++rejected;
      rejections.push_back(
          absl::StrCat(proxy.id(), " rejected ", TypeName(type.type_url()), ": ", OneLine(type.rejection())));
    }
    std::vector<std::string> cells = {
        proxy.id(), proxy.identity().empty() ? "none (plaintext)" : ShortIdentity(proxy.identity()),
        absl::StrCat(proxy.types_in_step(), "/", proxy.types_wanted(), " at revision ", proxy.revision()),
        Age(proxy.connected_since(), session->now()), rejected == 0 ? "" : absl::StrCat(rejected)};
    if (wide) cells.insert(cells.end(), {proxy.address(), proxy.version()});
    table.Add(std::move(cells));
  }
  if (table.empty()) {
    session->Warn("no proxy is connected");
  } else {
    table.Print(session->out());
  }
  for (const std::string& rejection : rejections) session->out() << rejection << "\n";
  WarnOfEqualIds(response, session);
  return kOk;
}

int Config(Session* session) {
  LinkXdsTypes();
  weft::v1::GetProxyConfigRequest request;
  request.set_id(session->in().names[0]);
  request.set_type_url(TypeUrl(session->in().type));
  weft::v1::GetProxyConfigResponse response;
  if (!session->Call(&Control::StubInterface::GetProxyConfig, request, &response)) return session->exit();
  if (ForPrograms(*session)) return PrintMessage(response, session);
  Table table({"TYPE", "NAME", "BYTES", "VERSION"});
  for (const auto& type : response.types()) {
    for (const auto& resource : type.resources()) {
      table.Add(
          {TypeName(type.type_url()), ResourceName(resource), absl::StrCat(resource.value().size()), type.version()});
    }
  }
  if (table.empty()) {
    session->Warn(absl::StrCat(request.id(), " has no such resources"));
    return kOk;
  }
  table.Print(session->out());
  session->out() << "all of it: weft config " << OneLine(request.id()) << " -o yaml\n";
  return kOk;
}

int Certs(Session* session) {
  weft::v1::ListCertificatesResponse response;
  if (!session->Call(&Control::StubInterface::ListCertificates, weft::v1::ListCertificatesRequest(), &response)) {
    return session->exit();
  }
  if (ForPrograms(*session)) return PrintMessage(response, session);
  const bool wide = session->in().format == Format::kWide;
  std::vector<std::string> header = {"ROLE", "IDENTITY", "PROXY", "ENDS (UTC)", "LEFT", "RENEWS IN"};
  if (wide) header.insert(header.end(), {"BEGINS (UTC)", "SERIAL"});
  Table table(header);
  const auto left = [&](const google::protobuf::Timestamp& time) -> std::string {
    if (time.seconds() == 0) return "";
    const absl::Duration rest = absl::FromUnixSeconds(time.seconds()) - session->now();
    return rest <= absl::ZeroDuration() ? "over" : ShortDuration(rest);
  };
  for (const auto& certificate : response.certificates()) {
    std::vector<std::string> cells = {certificate.role(),
                                      certificate.identity(),
                                      certificate.proxy(),
                                      When(certificate.not_after()),
                                      left(certificate.not_after()),
                                      left(certificate.renew_at())};
    if (wide) cells.insert(cells.end(), {When(certificate.not_before()), certificate.serial()});
    table.Add(std::move(cells));
  }
  session->out() << "trust domain " << OneLine(response.trust_domain()) << ", root key sha256 "
                 << OneLine(response.root_sha256()) << "\n";
  table.Print(session->out());
  return kOk;
}

}  // namespace weft::cli
