#include "control/compile/routes.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "control/compile/names.h"
#include "control/compile/route_actions.h"

namespace weft::control::compile {
namespace {

namespace route = envoy::config::route::v3;

constexpr std::string_view kEveryHost = "*";

// How closely a route's host name says what `domain` (a host name, or "*") says; higher is closer, none: it does not
// match. One character of a name that is no wildcard counts for more than any wildcard.
std::optional<size_t> Closeness(const std::string& hostname, std::string_view domain) {
  constexpr size_t kExact = 1000;  // more characters than any host name has
  if (hostname == domain) return hostname.starts_with('*') ? hostname.size() : kExact + hostname.size();
  if (!hostname.starts_with("*.")) return std::nullopt;
  const std::string_view suffix = std::string_view(hostname).substr(1);
  if (domain.size() > suffix.size() && domain.ends_with(suffix)) return hostname.size();
  return std::nullopt;
}

std::optional<size_t> Closeness(const model::HttpRoute& http_route, std::string_view domain) {
  if (http_route.hostnames.empty()) return 0;
  std::optional<size_t> best;
  for (const std::string& hostname : http_route.hostnames) best = std::max(best, Closeness(hostname, domain));
  return best;
}

// One match of one rule, and what decides which comes first.
struct Candidate {
  const model::HttpRoute* route = nullptr;
  size_t rule = 0, match = 0;
  size_t closeness = 0;
  size_t age = 0;  // place of the route: oldest first, then by name

  const model::RouteRule& Rule() const { return route->rules[rule]; }
  const model::RouteMatch& Match() const { return Rule().matches[match]; }
};

int RankOf(model::PathMatch::Type type) {
  switch (type) {
    case model::PathMatch::Type::kExact: return 0;
    case model::PathMatch::Type::kRegex:  // where it stands is left to the implementation: before any prefix, or "/"
                                          // would hide it
      return 1;
    case model::PathMatch::Type::kPrefix: break;
  }
  return 2;
}

// HTTPRouteRule.matches of the Gateway API: exact path, longest prefix, method, most headers, most query parameters,
// oldest route, first by name, first rule.
auto Precedence(const Candidate& candidate) {
  const model::RouteMatch& match = candidate.Match();
  const auto most = [](size_t number) { return -static_cast<int64_t>(number); };
  return std::make_tuple(most(candidate.closeness), RankOf(match.path.type), most(match.path.value.size()),
                         match.method.empty(), most(match.headers.size()), most(match.query_params.size()),
                         candidate.age, candidate.rule, candidate.match);
}

std::vector<Candidate> CandidatesFor(std::string_view domain, const std::vector<const model::HttpRoute*>& routes) {
  std::vector<Candidate> candidates;
  for (size_t age = 0; age < routes.size(); ++age) {
    const std::optional<size_t> closeness = Closeness(*routes[age], domain);
    if (!closeness) continue;
    for (size_t rule = 0; rule < routes[age]->rules.size(); ++rule) {
      for (size_t match = 0; match < routes[age]->rules[rule].matches.size(); ++match) {
        candidates.push_back({routes[age], rule, match, *closeness, age});
      }
    }
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return Precedence(a) < Precedence(b); });
  return candidates;
}

// "shop/web/canary", "shop/web/1": in access logs and in `weft config`.
std::string RouteNameOf(const Candidate& candidate) {
  std::string name = candidate.route->meta.name.ToString() + "/";
  name += candidate.Rule().name.empty() ? std::to_string(candidate.rule) : candidate.Rule().name;
  if (candidate.Rule().matches.size() > 1) name += "/" + std::to_string(candidate.match);
  return name;
}

void AddVirtualHost(std::string_view domain, const PortTopology& port, const std::vector<Candidate>& candidates,
                    const Topology& topology, RoutesOfPort* made) {
  route::VirtualHost* host = made->config.add_virtual_hosts();
  host->set_name(domain == kEveryHost ? PortName(port) : PortName(port) + "|" + std::string(domain));
  host->add_domains(std::string(domain));
  for (const Candidate& candidate : candidates) {
    route::Route* to = host->add_routes();
    to->set_name(RouteNameOf(candidate));
    FillMatch(candidate.Match(), to->mutable_match());
    FillAction(candidate.Rule(), candidate.Match().path, topology, port.port->port, to);
    for (std::string& cluster : ClustersOf(candidate.Rule(), topology))
      made->links.clusters.push_back(std::move(cluster));
    made->links.sources.push_back(SourceName("HTTPRoute", candidate.route->meta.name));
  }
  if (!candidates.empty()) return;
  route::Route* to = host->add_routes();
  to->set_name("default");
  to->mutable_match()->set_prefix("/");
  FillPlainAction(OutboundCluster(port, Wire::kHttp), to);
  made->links.clusters.push_back(OutboundCluster(port, Wire::kHttp));
}

}  // namespace

AttachedRoutes::AttachedRoutes(const Topology& topology) {
  std::vector<const model::HttpRoute*> in_order;
  for (const auto& [name, http_route] : topology.world().routes) in_order.push_back(&http_route);
  std::sort(in_order.begin(), in_order.end(), [](const model::HttpRoute* a, const model::HttpRoute* b) {
    return std::tie(a->meta.created, a->meta.name) < std::tie(b->meta.created, b->meta.name);
  });
  for (const model::HttpRoute* http_route : in_order) {
    for (const model::RouteParent& parent : http_route->parents) {
      const model::Service* service = topology.world().FindService(parent.service);
      if (service == nullptr) continue;
      for (const model::ServicePort& declared : service->ports) {
        if (parent.port != 0 && parent.port != declared.port) continue;
        const PortTopology* port = topology.Find(parent.service, declared.port);
        if (port == nullptr || !port->handling.http) continue;
        auto& attached = routes_[port];
        if (attached.empty() || attached.back() != http_route) attached.push_back(http_route);
      }
    }
  }
}

const std::vector<const model::HttpRoute*>& AttachedRoutes::Of(const PortTopology& port) const {
  static const auto& none = *new std::vector<const model::HttpRoute*>();
  const auto it = routes_.find(&port);
  return it == routes_.end() ? none : it->second;
}

RoutesOfPort MakeRoutes(const PortTopology& port, const std::vector<const model::HttpRoute*>& routes,
                        const Topology& topology) {
  RoutesOfPort made;
  made.config.set_name(RouteConfigName(port));
  made.config.set_ignore_port_in_host_matching(true);
  made.links.sources.push_back(SourceName("Service", port.service->meta.name));
  std::set<std::string> domains;
  for (const model::HttpRoute* http_route : routes)
    domains.insert(http_route->hostnames.begin(), http_route->hostnames.end());
  for (const std::string& domain : domains)
    AddVirtualHost(domain, port, CandidatesFor(domain, routes), topology, &made);
  AddVirtualHost(kEveryHost, port, CandidatesFor(kEveryHost, routes), topology, &made);
  return made;
}

}  // namespace weft::control::compile
