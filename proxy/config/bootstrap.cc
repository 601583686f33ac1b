#include "proxy/config/bootstrap.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "proxy/config/bootstrap_checks.h"
#include "proxy/config/place.h"
#include "proxy/config/values.h"
#include "schema/document.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace core = envoy::config::core::v3;
using Bootstrap = envoy::config::bootstrap::v3::Bootstrap;

// Converts each of `messages`, which stand in static_resources.`list`.
template <typename Message, typename Spec>
void ConvertAll(const google::protobuf::RepeatedPtrField<Message>& messages, std::string_view list,
                Spec (*convert)(const Message&, Findings*), Findings* findings, std::vector<Spec>* specs) {
  for (int i = 0; i < messages.size(); ++i) {
    const std::string prefix = Place(nullptr, "static_resources").Field(list, size_t(i)).path();
    const auto place = [&](const std::string& field) { return field.empty() ? prefix : prefix + "." + field; };
    Findings found;
    specs->push_back(convert(messages[i], &found));
    for (auto& problem : found.problems) findings->problems.push_back({place(problem.field), std::move(problem.what)});
    for (auto& note : found.notes) findings->notes.push_back({place(note.field), std::move(note.what)});
    for (auto& to : found.references) findings->references.push_back({to.kind, place(to.field), std::move(to.name)});
  }
}

// lds_config and cds_config: true when it says `ads`.
bool SaysAds(bool has, const core::ConfigSource& source, const std::string& what, const Place& place) {
  if (has) CheckAds(source, place, what);
  return has && source.has_ads();
}

void CheckApiType(const core::ApiConfigSource& message, const Place& place) {
  switch (message.api_type()) {
    case core::ApiConfigSource::GRPC:
    case core::ApiConfigSource::AGGREGATED_GRPC: break;
    case core::ApiConfigSource::DELTA_GRPC:
    case core::ApiConfigSource::AGGREGATED_DELTA_GRPC:
      place.Field("api_type").Note("Weft asks for the state of the world (GRPC)");
      break;
    default: place.Field("api_type").Problem("expected GRPC"); break;
  }
  if (message.transport_api_version() == core::V2) place.Field("transport_api_version").Problem("expected V3");
}

AdsSpec AdsFromXds(const core::ApiConfigSource& message, const Place& place) {
  CheckFields(
      message, place,
      {.read = {"api_type", "transport_api_version", "grpc_services"},
       .ignored = {"set_node_on_first_message_only", "rate_limit_settings", "request_timeout", "refresh_delay"}});
  CheckApiType(message, place);
  AdsSpec spec;
  if (message.grpc_services_size() == 0) {
    place.Problem("grpc_services is missing");
    return spec;
  }
  for (int i = 1; i < message.grpc_services_size(); ++i)
    place.Field("grpc_services", size_t(i)).Unsupported("a second service");
  const core::GrpcService& service = message.grpc_services(0);
  const Place at = place.Field("grpc_services", 0);
  CheckFields(service, at, {.read = {"envoy_grpc", "initial_metadata"}, .ignored = {"timeout", "retry_policy"}});
  CheckFields(service.envoy_grpc(), at.Field("envoy_grpc"),
              {.read = {"cluster_name", "authority"}, .ignored = {"max_receive_message_length"}});
  if (service.target_specifier_case() == core::GrpcService::TARGET_SPECIFIER_NOT_SET)
    at.Problem("envoy_grpc is missing");
  spec.cluster = service.envoy_grpc().cluster_name();
  if (service.has_envoy_grpc() && spec.cluster.empty()) {
    at.Field("envoy_grpc").Field("cluster_name").Problem("the name of the cluster is empty");
  }
  spec.authority = service.envoy_grpc().authority();
  for (const core::HeaderValue& header : service.initial_metadata()) {
    spec.metadata.emplace_back(absl::AsciiStrToLower(header.key()),
                               header.value().empty() ? header.raw_value() : header.value());
  }
  return spec;
}

void ReadDynamic(const Bootstrap::DynamicResources& message, const Place& place, BootstrapSpec* spec) {
  CheckFields(message, place, {.read = {"lds_config", "cds_config", "ads_config"}});
  if (message.has_ads_config()) spec->ads = AdsFromXds(message.ads_config(), place.Field("ads_config"));
  const bool listeners =
      SaysAds(message.has_lds_config(), message.lds_config(), "listeners", place.Field("lds_config"));
  const bool clusters = SaysAds(message.has_cds_config(), message.cds_config(), "clusters", place.Field("cds_config"));
  if (!spec->ads) return;
  spec->ads->listeners = listeners;
  spec->ads->clusters = clusters;
}

void Convert(BootstrapSpec* spec, bool clusters_are_known, Findings* findings) {
  const Bootstrap& proto = spec->proto;
  const Place place(findings);
  CheckFields(proto, place,
              {.read = {"node", "static_resources", "dynamic_resources", "admin"},
               .ignored = {"node_context_params", "cluster_manager", "flags_path", "stats_flush_interval",
                           "stats_flush_on_admin", "layered_runtime", "header_prefix", "typed_dns_resolver_config",
                           "use_tcp_for_dns_lookups"}});
  if (proto.has_admin()) {
    const Place admin = place.Field("admin");
    CheckFields(proto.admin(), admin,
                {.read = {"address"},
                 .ignored = {"access_log", "profile_path", "access_log_path", "ignore_global_conn_limit"}});
    if (proto.admin().has_address()) spec->admin = AddressOf(proto.admin().address(), admin.Field("address"));
  }
  const auto& resources = proto.static_resources();
  ConvertAll(resources.listeners(), "listeners", &ListenerFromXds, findings, &spec->listeners);
  ConvertAll(resources.clusters(), "clusters", &ClusterFromXds, findings, &spec->clusters);
  ConvertAll(resources.secrets(), "secrets", &SecretFromXds, findings, &spec->secrets);
  ReadDynamic(proto.dynamic_resources(), place.Field("dynamic_resources"), spec);
  CheckWhole(*spec, clusters_are_known, findings);
}

// Both spellings of a path in one form.
std::string Plain(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c != '_') out += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return out;
}

std::string Parent(const std::string& path) {
  const size_t cut = path.find_last_of(".[");
  return path.substr(0, cut == std::string::npos ? 0 : cut);
}

bool IsAtOrAbove(const std::string& above, const std::string& below) {
  return below.starts_with(above) &&
         (below.size() == above.size() || above.empty() || below[above.size()] == '.' || below[above.size()] == '[');
}

// Of what could not be read and was told already: "the field is missing" about a field whose value was wrong, or whose
// name was.
bool FollowsFrom(const FieldProblem& problem, const std::vector<schema::Problem>& unread,
                 const schema::SourceMap& map) {
  const std::string field = Plain(problem.field);
  const bool written = !(map.Find(problem.field) == map.Find(Parent(problem.field)));
  return std::any_of(unread.begin(), unread.end(), [&](const schema::Problem& earlier) {
    const std::string other = Plain(earlier.field);
    return IsAtOrAbove(field, other) || (!written && Parent(field) == Parent(other));
  });
}

bool NamesClusters(const schema::Problem& problem) {
  return IsAtOrAbove("staticresources.clusters", Plain(problem.field)) ||
         IsAtOrAbove(Plain(problem.field), "staticresources.clusters");
}

// The text as a message; false when there is nothing to check further.
bool Read(std::string_view text, const std::string& file, Bootstrap* proto, schema::Problems* problems,
          schema::SourceMap* map) {
  const std::vector<schema::Document> documents = schema::Load(text, {.file = file}, problems);
  if (documents.size() > 1) {
    documents[1].Report("", "a second document; expected one", problems);
  } else if (documents.size() == 1) {
    documents[0].Read(proto, problems, map);
    return true;
  } else if (problems->empty()) {
    problems->Add({.file = file,
                   .at = {1, 1},
                   .what = "nothing is written here; expected an envoy.config.bootstrap.v3.Bootstrap"});
  }
  return false;
}

}  // namespace

absl::StatusOr<BootstrapSpec> ParseBootstrap(std::string_view text, const std::string& file) {
  BootstrapSpec spec;
  schema::Problems problems;
  schema::SourceMap map;
  if (!Read(text, file, &spec.proto, &problems, &map)) return problems.ToStatus();
  const std::vector<schema::Problem> unread = problems.kept();
  Findings findings;
  Convert(&spec, std::none_of(unread.begin(), unread.end(), NamesClusters), &findings);
  for (FieldProblem& problem : findings.problems) {
    if (FollowsFrom(problem, unread, map)) continue;
    problems.Add(map.MakeProblem(std::move(problem.field), std::move(problem.what)));
  }
  if (!problems.empty()) return problems.ToStatus();
  spec.notes = std::move(findings.notes);
  return spec;
}

absl::StatusOr<BootstrapSpec> LoadBootstrap(const std::string& path) {
  auto text = schema::ReadFile(path);
  if (!text.ok()) return text.status();
  return ParseBootstrap(*text, path == "-" ? "standard input" : path);
}

}  // namespace weft::config
