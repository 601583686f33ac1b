#include "proxy/route/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace weft::route {
namespace {

absl::Status At(std::string_view place, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(std::string(place), ": ", status.message()));
}

absl::StatusOr<std::optional<RegexRewrite>> CompileRewrite(const std::optional<config::RegexRewriteSpec>& spec) {
  if (!spec) return std::optional<RegexRewrite>();
  auto rewrite = RegexRewrite::Compile(*spec);
  if (!rewrite.ok()) return At("regex_rewrite", rewrite.status());
  return std::optional<RegexRewrite>(*std::move(rewrite));
}

absl::Status Append(std::string_view place, const config::HeaderChangesSpec& spec, std::vector<HeaderChanges>* to) {
  if (spec.empty()) return absl::OkStatus();
  auto changes = HeaderChanges::Compile(spec);
  if (!changes.ok()) return At(place, changes.status());
  to->push_back(*std::move(changes));
  return absl::OkStatus();
}

absl::StatusOr<Forward> CompileForward(const config::ForwardSpec& spec) {
  Forward forward;
  forward.spec = spec;
  auto regex = CompileRewrite(spec.regex_rewrite);
  if (!regex.ok()) return regex.status();
  forward.regex = *std::move(regex);
  for (const auto& cluster : spec.clusters) {
    auto request = HeaderChanges::Compile(cluster.request_headers);
    auto response = HeaderChanges::Compile(cluster.response_headers);
    if (!request.ok()) return At("weighted_clusters." + cluster.name, request.status());
    if (!response.ok()) return At("weighted_clusters." + cluster.name, response.status());
    forward.total_weight += cluster.weight;
    forward.changes_response |= !response->empty();
    forward.targets.push_back({cluster.name, forward.total_weight, *std::move(request), *std::move(response)});
  }
  if (forward.total_weight == 0 && spec.cluster_header.empty()) {
    return absl::InvalidArgumentError("weighted_clusters: the weights add up to 0");
  }
  return forward;
}

absl::Status CompileAction(const config::RouteSpec& spec, Rule* rule) {
  if (const auto* forward = std::get_if<config::ForwardSpec>(&spec.action)) {
    auto compiled = CompileForward(*forward);
    if (!compiled.ok()) return compiled.status();
    rule->action = *std::move(compiled);
  } else if (const auto* redirect = std::get_if<config::RedirectSpec>(&spec.action)) {
    auto regex = CompileRewrite(redirect->regex_rewrite);
    if (!regex.ok()) return regex.status();
    rule->action = Redirect{*redirect, *std::move(regex)};
  } else {
    rule->action = std::get<config::DirectResponseSpec>(spec.action);
  }
  return absl::OkStatus();
}

absl::StatusOr<Rule> CompileRule(const config::RouteTableSpec& table, const config::VirtualHostSpec& host,
                                 const config::RouteSpec& spec) {
  Rule rule;
  rule.name = spec.name;
  auto matcher = RequestMatcher::Compile(spec.match);
  if (!matcher.ok()) return At("match", matcher.status());
  rule.matcher = *std::move(matcher);
  if (absl::Status status = CompileAction(spec, &rule); !status.ok()) return status;
  // Envoy's order: the later one sees, and may overwrite, what the earlier one did.
  const std::pair<const config::HeaderChangesSpec*, const config::HeaderChangesSpec*> levels[] = {
      {&spec.request_headers, &spec.response_headers},
      {&host.request_headers, &host.response_headers},
      {&table.request_headers, &table.response_headers}};
  for (size_t i = 0; i < 3; ++i) {
    const auto& level = levels[table.most_specific_header_mutations_wins ? 2 - i : i];
    if (auto status = Append("request_headers_to_add", *level.first, &rule.request_headers); !status.ok())
      return status;
    if (auto status = Append("response_headers_to_add", *level.second, &rule.response_headers); !status.ok())
      return status;
  }
  return rule;
}

std::string_view WithoutPort(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && bracket > colon)) return authority;
  return authority.substr(0, colon);
}

// Most requests send a lower-case host already.
std::string_view LowerCase(http::RequestHead& request) {
  const std::string_view text = request.authority;
  if (std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return text;
  char* lower = request.arena.Allocate(text.size());
  std::transform(text.begin(), text.end(), lower, [](char c) { return absl::ascii_tolower(c); });
  return {lower, text.size()};
}

}  // namespace

const Rule* VirtualHost::Find(const http::RequestHead& request, uint64_t random) const {
  for (const Rule& rule : rules) {
    if (rule.matcher.Matches(request, random)) return &rule;
  }
  return nullptr;
}

absl::StatusOr<std::shared_ptr<const Table>> Table::Compile(const config::RouteTableSpec& spec) {
  auto table = std::make_shared<Table>();
  table->name_ = spec.name;
  table->ignore_port_ = spec.ignore_port_in_host_matching;
  for (const auto& host : spec.virtual_hosts) {
    if (absl::Status status = table->AddHost(spec, host); !status.ok()) return status;
  }
  const auto longer = [](const Wildcard& a, const Wildcard& b) { return a.text.size() > b.text.size(); };
  std::sort(table->suffixes_.begin(), table->suffixes_.end(), longer);
  std::sort(table->prefixes_.begin(), table->prefixes_.end(), longer);
  return std::shared_ptr<const Table>(std::move(table));
}

absl::Status Table::AddHost(const config::RouteTableSpec& spec, const config::VirtualHostSpec& host) {
  auto compiled = std::make_unique<VirtualHost>();
  compiled->name = host.name;
  compiled->require_tls = host.require_tls;
  for (size_t i = 0; i < host.routes.size(); ++i) {
    auto rule = CompileRule(spec, host, host.routes[i]);
    if (!rule.ok()) return At(absl::StrCat("virtual_hosts[", host.name, "].routes[", i, "]"), rule.status());
    compiled->rules.push_back(*std::move(rule));
  }
  for (const std::string& domain : host.domains) {
    if (absl::Status status = AddDomain(domain, compiled.get()); !status.ok()) return status;
  }
  hosts_.push_back(std::move(compiled));
  return absl::OkStatus();
}

absl::Status Table::AddDomain(const std::string& domain, const VirtualHost* host) {
  const absl::Status twice =
      absl::InvalidArgumentError(absl::StrCat("virtual_hosts[", host->name, "].domains: ", domain, " is there twice"));
  if (domain == "*") {
    if (any_ != nullptr) return twice;
    any_ = host;
  } else if (domain.starts_with('*')) {
    suffixes_.push_back({domain.substr(1), host});
  } else if (domain.ends_with('*')) {
    prefixes_.push_back({domain.substr(0, domain.size() - 1), host});
  } else if (!exact_.emplace(domain, host).second) {
    return twice;
  }
  return absl::OkStatus();
}

const VirtualHost* Table::FindHost(http::RequestHead& request) const {
  if (exact_.empty() && suffixes_.empty() && prefixes_.empty()) return any_;
  std::string_view host = LowerCase(request);
  if (ignore_port_) host = WithoutPort(host);
  if (auto found = exact_.find(host); found != exact_.end()) return found->second;
  // A star stands for at least one character.
  for (const Wildcard& suffix : suffixes_) {
    if (host.size() > suffix.text.size() && host.ends_with(suffix.text)) return suffix.host;
  }
  for (const Wildcard& prefix : prefixes_) {
    if (host.size() > prefix.text.size() && host.starts_with(prefix.text)) return prefix.host;
  }
  return any_;
}

}  // namespace weft::route
