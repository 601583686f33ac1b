// Listeners: LDS and RDS resources → config::Listener objects, with routes and TLS contexts compiled. Main thread only;
// a part of Assembler.
#ifndef WEFT_PROXY_ASSEMBLE_LISTENERS_H_
#define WEFT_PROXY_ASSEMBLE_LISTENERS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "proxy/assemble/ignored_fields.h"
#include "proxy/assemble/shelf.h"
#include "proxy/assemble/tls_contexts.h"
#include "proxy/config/snapshot.h"
#include "proxy/route/table.h"
#include "proxy/runtime/clock.h"

namespace weft::assemble {

// A compiled RouteConfiguration.
struct RoutePlan {
  std::shared_ptr<const route::Table> table;
  Names targets;  // clusters that its routes name
};
absl::StatusOr<std::shared_ptr<const RoutePlan>> MakeRoutePlan(const config::RouteTableSpec& spec);

struct ChainPlan {
  config::FilterChainSpec spec;              // without inline routes
  std::shared_ptr<const RoutePlan> inlined;  // null: by RDS, or TCP
  std::string rds_name() const { return spec.http ? spec.http->rds_name : std::string(); }
};
struct ListenerPlan {
  config::ListenerSpec spec;      // without its chains
  std::vector<ChainPlan> chains;  // the default one last
  bool has_default = false;
};
// Compiles the inline routes; an error names the field.
absl::StatusOr<std::shared_ptr<const ListenerPlan>> MakeListenerPlan(config::ListenerSpec spec);

using RouteShelf = Shelf<RoutePlan, envoy::config::route::v3::RouteConfiguration>;

struct BuiltListener {
  std::shared_ptr<const config::Listener> listener;
  std::shared_ptr<const ListenerPlan> plan;  // what it was built of
};
// Chains of `previous` that would come out the same are taken over. A context that does not compile: that of `previous`
// stays, and `problems` gets a line.
std::shared_ptr<const config::Listener> BuildListener(const std::shared_ptr<const ListenerPlan>& plan,
                                                      const BuiltListener& previous, const RouteShelf& routes,
                                                      TlsContexts& contexts, bool loops,
                                                      std::vector<std::string>* problems);

class Listeners {
 public:
  using ListenerShelf = Shelf<ListenerPlan, envoy::config::listener::v3::Listener>;

  Listeners(Secrets& secrets, TlsContexts& contexts, IgnoredFields& ignored, runtime::Duration warming_limit);

  absl::Status AddStatic(const config::ListenerSpec& spec, std::string bytes, int64_t now_micros);
  std::vector<discovery::Rejection> ApplyListeners(const discovery::Update& update, int64_t now_micros);
  std::vector<discovery::Rejection> ApplyRoutes(const discovery::Update& update, int64_t now_micros);

  // Builds anew what changed since the last call, or uses one of `keys`, or looks different with these clusters. True:
  // some listener is another object now, or gone.
  bool Rebuild(const Keys& keys, const base::StringMap<std::shared_ptr<const config::Cluster>>& clusters,
               runtime::TimePoint now, std::vector<std::string>* problems);

  Names WantedRoutes() const;
  void AddSecretKeys(Keys* keys) const;
  void DropUnwanted();

  const base::StringMap<std::shared_ptr<const config::Listener>>& built() const { return built_; }
  const ListenerShelf& listeners() const { return listeners_; }
  const RouteShelf& routes() const { return routes_; }
  bool IsWarming(const std::string& name) const;
  // When the first of the waiting ones has waited long enough; kNever: nobody waits.
  runtime::TimePoint NextDeadline() const;
  // In words: what listeners wait for, each for as long as the limit allows.
  std::vector<std::string> WaitingFor(runtime::TimePoint now) const;

 private:
  struct Record {
    std::shared_ptr<const ListenerPlan> plan;       // the newest
    BuiltListener in_force;                         // an earlier one while the newest waits for routes; null: none yet
    runtime::TimePoint deadline = runtime::kNever;  // of the wait
    bool waits = false;
  };

  absl::StatusOr<std::shared_ptr<const ListenerPlan>> Convert(const envoy::config::listener::v3::Listener& message);
  absl::StatusOr<std::shared_ptr<const RoutePlan>> ConvertRoutes(
      const envoy::config::route::v3::RouteConfiguration& message);
  absl::Status CheckTls(const ListenerPlan& plan);
  std::string MissingRoutes(const ListenerPlan& plan) const;
  bool Uses(const ListenerPlan& plan, const Keys& keys, const Names& routes) const;
  bool Loops(const ListenerPlan& plan, const Names& original_destinations) const;
  bool RebuildOne(const std::string& name, Record* record, const Names& original_destinations, runtime::TimePoint now,
                  std::vector<std::string>* problems);

  Secrets& secrets_;
  TlsContexts& contexts_;
  IgnoredFields& ignored_;
  const runtime::Duration warming_limit_;
  ListenerShelf listeners_;
  RouteShelf routes_;
  Names changed_listeners_, changed_routes_;  // since the last Rebuild()
  std::map<std::string, Record> records_;
  base::StringMap<std::shared_ptr<const config::Listener>> built_;
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_LISTENERS_H_
