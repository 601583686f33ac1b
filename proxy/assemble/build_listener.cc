#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proxy/assemble/listeners.h"

namespace weft::assemble {
namespace {

bool NeedsHello(const config::FilterChainMatchSpec& match) {
  return !match.server_names.empty() || match.transport_protocol == "tls" ||
         match.hidden_name == config::FilterChainMatchSpec::HiddenName::kDeny;
}

bool LooksAtBytes(const config::FilterChainMatchSpec& match) {
  return NeedsHello(match) || !match.transport_protocol.empty() || !match.application_protocols.empty();
}

// Without an inspector nothing is known of the bytes, except that server names cannot be meant otherwise (Envoy adds it
// then).
bool NeedsFirstBytes(const ListenerPlan& plan) {
  const bool inspects = plan.spec.tls_inspector || plan.spec.http_inspector;
  return std::any_of(plan.chains.begin(), plan.chains.end(), [&](const ChainPlan& chain) {
    return NeedsHello(chain.spec.match) || (inspects && LooksAtBytes(chain.spec.match));
  });
}

absl::StatusOr<ChainPlan> MakeChainPlan(config::FilterChainSpec spec) {
  ChainPlan plan;
  plan.spec = std::move(spec);
  if (!plan.spec.http || !plan.spec.http->inline_routes) return plan;
  auto routes = MakeRoutePlan(*plan.spec.http->inline_routes);
  if (!routes.ok()) return routes.status();
  plan.inlined = *std::move(routes);
  plan.spec.http->inline_routes.reset();
  return plan;
}

// What a chain is compiled to; equal parts make equal chains.
struct Parts {
  std::shared_ptr<const route::Table> routes;
  std::shared_ptr<const tls::ServerContext> tls;
};

bool SameParts(const config::FilterChain& chain, const Parts& parts) {
  return chain.tls == parts.tls && (!chain.http || chain.http->routes == parts.routes);
}

std::shared_ptr<const config::FilterChain> BuildChain(const ChainPlan& plan, Parts parts) {
  auto chain = std::make_shared<config::FilterChain>();
  chain->name = plan.spec.name;
  chain->match = plan.spec.match;
  chain->preamble = plan.spec.preamble;
  chain->tls_timeout = plan.spec.tls_timeout;
  chain->needs_secret = plan.spec.tls.has_value() && parts.tls == nullptr;
  chain->tls = std::move(parts.tls);
  if (plan.spec.http) chain->http = config::HttpChain{*plan.spec.http, std::move(parts.routes)};
  if (plan.spec.tcp) chain->tcp = config::TcpChain{*plan.spec.tcp};
  return chain;
}

std::shared_ptr<const route::Table> RoutesOf(const ChainPlan& plan, const RouteShelf& shelf) {
  if (plan.inlined != nullptr) return plan.inlined->table;
  const RoutePlan* routes = plan.spec.http ? shelf.Find(plan.rds_name()) : nullptr;
  return routes == nullptr ? nullptr : routes->table;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RoutePlan>> MakeRoutePlan(const config::RouteTableSpec& spec) {
  auto table = route::Table::Compile(spec);
  if (!table.ok()) return table.status();
  auto plan = std::make_shared<RoutePlan>();
  plan->table = *std::move(table);
  for (const config::VirtualHostSpec& host : spec.virtual_hosts) {
    for (const config::RouteSpec& route : host.routes) {
      const auto* forward = std::get_if<config::ForwardSpec>(&route.action);
      if (forward == nullptr) continue;
      for (const config::WeightedClusterSpec& cluster : forward->clusters) plan->targets.insert(cluster.name);
    }
  }
  return plan;
}

absl::StatusOr<std::shared_ptr<const ListenerPlan>> MakeListenerPlan(config::ListenerSpec spec) {
  auto plan = std::make_shared<ListenerPlan>();
  plan->has_default = spec.default_chain.has_value();
  std::vector<config::FilterChainSpec> chains = std::exchange(spec.chains, {});
  if (spec.default_chain) chains.push_back(*std::exchange(spec.default_chain, std::nullopt));
  for (size_t i = 0; i < chains.size(); ++i) {
    auto chain = MakeChainPlan(std::move(chains[i]));
    if (!chain.ok()) {
      const bool is_default = plan->has_default && i + 1 == chains.size();
      const std::string field = is_default ? "default_filter_chain" : absl::StrCat("filter_chains[", i, "]");
      return absl::InvalidArgumentError(absl::StrCat(field, ": route_config: ", chain.status().message()));
    }
    plan->chains.push_back(*std::move(chain));
  }
  plan->spec = std::move(spec);
  return plan;
}

std::shared_ptr<const config::Listener> BuildListener(const std::shared_ptr<const ListenerPlan>& plan,
                                                      const BuiltListener& previous, const RouteShelf& routes,
                                                      TlsContexts& contexts, bool loops,
                                                      std::vector<std::string>* problems) {
  auto listener = std::make_shared<config::Listener>();
  listener->spec = plan->spec;
  listener->needs_first_bytes = NeedsFirstBytes(*plan);
  listener->needs_original_destination = plan->spec.original_dst_filter || plan->spec.use_original_dst;
  listener->loops_without_redirect = loops;
  for (size_t i = 0; i < plan->chains.size(); ++i) {
    const ChainPlan& chain_plan = plan->chains[i];
    const bool is_default = plan->has_default && i + 1 == plan->chains.size();
    std::shared_ptr<const config::FilterChain> before;
    if (previous.plan == plan) before = is_default ? previous.listener->default_chain : previous.listener->chains[i];
    Parts parts{RoutesOf(chain_plan, routes), nullptr};
    if (chain_plan.spec.tls) {
      auto compiled = contexts.Server(*chain_plan.spec.tls);
      if (compiled.ok()) {
        parts.tls = std::move(compiled->context);
      } else {
        problems->push_back(absl::StrCat("filter chain ", chain_plan.spec.name, ": ", compiled.status().message()));
        if (before != nullptr) parts.tls = before->tls;
      }
    }
    auto chain = before != nullptr && SameParts(*before, parts) ? before : BuildChain(chain_plan, std::move(parts));
    if (is_default) {
      listener->default_chain = std::move(chain);
    } else {
      listener->chains.push_back(std::move(chain));
    }
  }
  return listener;
}

}  // namespace weft::assemble
