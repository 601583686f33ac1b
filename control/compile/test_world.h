// A small shop for tests: a service with two versions, a headless database, a client and a workload without a sidecar;
// and looking into what is compiled of it.
#ifndef WEFT_CONTROL_COMPILE_TEST_WORLD_H_
#define WEFT_CONTROL_COMPILE_TEST_WORLD_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "control/compile/compiler.h"
#include "control/model/world.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"

namespace weft::control::compile {

inline void AddService(model::World& world, const std::string& name, std::vector<std::string> addresses,
                       std::vector<model::ServicePort> ports, model::Labels selector) {
  model::Service service;
  service.meta.name = {"shop", name};
  service.headless = addresses.empty();
  service.addresses = std::move(addresses);
  service.ports = std::move(ports);
  service.selector = std::move(selector);
  world.services[service.meta.name] = service;
}

inline model::ServicePort Port(uint16_t number, uint16_t target, model::Protocol protocol) {
  model::ServicePort port;
  port.name = "p" + std::to_string(number);
  port.port = number;
  port.target_port = target;
  port.protocol = protocol;
  return port;
}

inline model::WorkloadEntry& AddWorkload(model::World& world, const std::string& name, const std::string& address,
                                         const std::string& account, model::Labels labels) {
  model::WorkloadEntry workload;
  workload.meta.name = {"shop", name};
  workload.address = address;
  workload.service_account = account;
  workload.labels = std::move(labels);
  return world.workloads[workload.meta.name] = workload;
}

inline model::World Shop() {
  using model::Protocol;
  model::World world;
  world.revision = 7;
  AddService(world, "web", {"240.240.0.1", "fd00:240::1"},
             {Port(80, 8080, Protocol::kHttp), Port(9000, 9000, Protocol::kTcp), Port(7000, 7000, Protocol::kDetect)},
             {{"app", "web"}});
  AddService(world, "web-v1", {"240.240.0.2"}, {Port(80, 8080, Protocol::kHttp)}, {{"app", "web"}, {"version", "v1"}});
  AddService(world, "web-v2", {"240.240.0.3"}, {Port(80, 8080, Protocol::kHttp)}, {{"app", "web"}, {"version", "v2"}});
  AddService(world, "db", {}, {Port(5432, 5432, Protocol::kTcp)}, {{"app", "db"}});
  AddService(world, "legacy", {"240.240.0.4"}, {Port(80, 80, Protocol::kHttp)}, {{"app", "legacy"}});
  AddWorkload(world, "web-v1-a", "10.0.0.11", "web", {{"app", "web"}, {"version", "v1"}});
  AddWorkload(world, "web-v1-b", "10.0.0.12", "web", {{"app", "web"}, {"version", "v1"}});
  AddWorkload(world, "web-v2-a", "10.0.0.21", "web", {{"app", "web"}, {"version", "v2"}});
  AddWorkload(world, "db-0", "10.0.0.31", "db", {{"app", "db"}});
  AddWorkload(world, "db-1", "fd00:10::32", "db", {{"app", "db"}});
  AddWorkload(world, "client", "10.0.0.41", "client", {{"app", "client"}});
  AddWorkload(world, "legacy", "10.0.0.51", "legacy", {{"app", "legacy"}}).mutual_tls = false;
  return world;
}

inline model::Backend BackendOf(const std::string& service, uint32_t weight, uint16_t port = 80) {
  model::Backend backend;
  backend.service = {"shop", service};
  backend.port = port;
  backend.weight = weight;
  return backend;
}

// A rule for a path prefix.
inline model::RouteRule RuleFor(const std::string& prefix, std::vector<model::Backend> backends) {
  model::RouteRule rule;
  rule.matches.emplace_back();
  rule.matches[0].path.value = prefix;
  rule.backends = std::move(backends);
  return rule;
}

// An HTTPRoute of the service web.
inline model::HttpRoute& AddRoute(model::World& world, const std::string& name, std::vector<model::RouteRule> rules) {
  model::HttpRoute route;
  route.meta.name = {"shop", name};
  route.parents.push_back({{"shop", "web"}, 0});
  route.rules = std::move(rules);
  return world.routes[route.meta.name] = route;
}

// One of everything that TCPRoute, TLSRoute and BackendTLSPolicy can say.
inline void AddL4(model::World& world) {
  using model::Protocol;
  AddService(world, "sql", {"240.240.1.1"}, {Port(3306, 3306, Protocol::kTcp)}, {{"app", "db"}});
  AddService(world, "edge", {"240.240.1.2"}, {Port(443, 8443, Protocol::kTls), Port(5432, 5432, Protocol::kPostgres)},
             {{"app", "web"}});
  model::TcpRoute split;
  split.meta.name = {"shop", "split"};
  split.parents = {{{"shop", "sql"}, 3306}, {{"shop", "web"}, 9000}};
  split.backends = {BackendOf("sql", 90, 3306), BackendOf("web", 9, 7000), BackendOf("gone", 1)};
  world.tcp_routes[split.meta.name] = split;
  model::TlsRoute names;
  names.meta.name = {"shop", "names"};
  names.parents = {{{"shop", "edge"}, 0}, {{"shop", "web"}, 7000}};
  names.hostnames = {"a.example.com", "*.example.com"};
  names.backends = {BackendOf("edge", 1, 443), BackendOf("web", 1, 7000)};
  world.tls_routes[names.meta.name] = names;
  model::BackendTlsPolicy policy;
  policy.meta.name = {"shop", "begin"};
  policy.targets = {{{"shop", "web"}, ""}, {{"shop", "legacy"}, "p80"}};
  policy.system_roots = true;
  policy.hostname = "web.example.com";
  policy.names = {{model::SubjectAltName::Type::kHostname, "web.example.com"},
                  {model::SubjectAltName::Type::kUri, "spiffe://other/ns/shop/sa/web"}};
  policy.mesh_certificate = true;
  world.backend_tls_policies[policy.meta.name] = policy;
  policy.meta.name = {"shop", "nobody"};  // whom it trusts is not there: no certificate will do
  policy.targets = {{{"shop", "web-v1"}, ""}};
  policy.system_roots = policy.mesh_certificate = false;
  policy.ca_refs = {{"shop", "gone"}};
  world.backend_tls_policies[policy.meta.name] = policy;
}

// The shop with one of everything that routes can say.
inline model::World FullWorld() {
  model::World world = Shop();
  world.mesh.access_log.enabled = world.mesh.access_log.json = true;
  model::RouteRule canary =
      RuleFor("/", {BackendOf("web-v1", 90), BackendOf("web-v2", 10), BackendOf("legacy", 0), BackendOf("gone", 1)});
  canary.backends[0].request_headers.add = {{"x-version", "100% v1"}};
  canary.backends[0].response_headers.remove = {"x-secret"};
  model::RouteRule regex = RuleFor("/items/[0-9]+", {BackendOf("web-v1", 1)});
  regex.matches[0].path.type = model::PathMatch::Type::kRegex;
  regex.matches[0].method = "GET";
  regex.matches[0].headers = {{model::ValueMatch::Type::kRegex, "x-user", "a.*"}};
  regex.matches[0].query_params = {{model::ValueMatch::Type::kExact, "debug", "1"}};
  regex.filters.rewrite =
      model::Rewrite{"inner.example", model::PathChange{model::PathChange::Type::kFull, "/all\\items"}};
  model::RouteRule stripped = RuleFor("/old", {BackendOf("web-v1", 1)});
  stripped.filters.rewrite = model::Rewrite{"", model::PathChange{model::PathChange::Type::kPrefix, "/"}};
  stripped.filters.response_headers.set = {{"x-empty", ""}};
  stripped.request_timeout = absl::Milliseconds(1500);
  model::RouteRule moved = RuleFor("/moved", {});
  moved.filters.redirect =
      model::Redirect{"https", "", model::PathChange{model::PathChange::Type::kPrefix, "/new"}, 0, 301};
  AddRoute(world, "all", {canary, regex, stripped, moved, RuleFor("/none", {})});
  AddRoute(world, "hosts", {RuleFor("/", {BackendOf("web-v2", 1)})}).hostnames = {"a.example.com", "*.example.com"};
  AddL4(world);
  return world;
}

// The Compiler of `world`, and what is in the resources.
class Compiled {
 public:
  explicit Compiled(model::World world, std::shared_ptr<ResourceCache> cache = std::make_shared<ResourceCache>())
      : cache_(std::move(cache)), compiler_(std::make_shared<const model::World>(std::move(world)), *cache_) {}

  const Compiler& compiler() const { return compiler_; }
  std::shared_ptr<const ProxyConfig> For(const std::string& account, std::vector<std::string> addresses = {}) const {
    return compiler_.ConfigFor({"shop", account, std::move(addresses)});
  }

 private:
  std::shared_ptr<ResourceCache> cache_;
  Compiler compiler_;
};

template <typename Message>
Message Decode(const Resource& resource) {
  google::protobuf::Any any;
  Message message;
  if (!any.ParseFromString(resource.any) || !any.UnpackTo(&message)) message.Clear();
  return message;
}

// An empty message when there is none of this name.
template <typename Message>
Message Get(const ProxyConfig& config, ResourceType type, const std::string& name) {
  const ResourcePtr* found = config.Of(type).Find(name);
  return found == nullptr ? Message() : Decode<Message>(**found);
}
inline envoy::config::listener::v3::Listener ListenerOf(const ProxyConfig& config, const std::string& name) {
  return Get<envoy::config::listener::v3::Listener>(config, ResourceType::kListener, name);
}
inline envoy::config::cluster::v3::Cluster ClusterNamed(const ProxyConfig& config, const std::string& name) {
  return Get<envoy::config::cluster::v3::Cluster>(config, ResourceType::kCluster, name);
}
inline envoy::config::route::v3::RouteConfiguration RoutesNamed(const ProxyConfig& config, const std::string& name) {
  return Get<envoy::config::route::v3::RouteConfiguration>(config, ResourceType::kRoute, name);
}
inline envoy::config::endpoint::v3::ClusterLoadAssignment EndpointsNamed(const ProxyConfig& config,
                                                                         const std::string& name) {
  return Get<envoy::config::endpoint::v3::ClusterLoadAssignment>(config, ResourceType::kEndpoint, name);
}

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_TEST_WORLD_H_
