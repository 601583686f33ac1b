// Compiler: one World -> the xDS resources of every proxy. What all proxies share (clusters, endpoints, outbound
// listener and routes) is made once, in the constructor; a proxy adds its inbound side. Proxies that stand for the same
// kind of workload get the same object, and unchanged resources are the same objects across revisions (ResourceCache).
//
// control/serve makes one per revision, on the thread that publishes, and asks it on any thread.
#ifndef WEFT_CONTROL_COMPILE_COMPILER_H_
#define WEFT_CONTROL_COMPILE_COMPILER_H_

#include <array>
#include <compare>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "control/compile/proxy_identity.h"
#include "control/compile/resource.h"
#include "control/compile/topology.h"
#include "control/model/world.h"

namespace weft::control::compile {

class Compiler {
 public:
  // `cache` outlives this, and is shared by the Compilers of all revisions (Sweep it after the old Compiler is gone).
  Compiler(std::shared_ptr<const model::World> world, ResourceCache& cache);

  // Never null. Thread-safe. Equal inputs, equal pointer.
  std::shared_ptr<const ProxyConfig> ConfigFor(const ProxyIdentity& proxy) const;

  // The workloads that the proxy stands for: those of its namespace and service account, and of these the ones at its
  // addresses (all, when it tells none). By name.
  std::vector<const model::WorkloadEntry*> WorkloadsOf(const ProxyIdentity& proxy) const;

  const model::World& world() const { return *world_; }

  // References that lead nowhere in what all proxies share: our own mistakes, never a user's, to be logged and counted.
  // The rest works. "RDS outbound|80|web.shop: cluster X does not exist".
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  // What a proxy's own side depends on: its workloads, or without any its namespace.
  struct Kind {
    std::string ns;
    std::vector<const model::WorkloadEntry*> workloads;
    auto operator<=>(const Kind&) const = default;
  };
  std::shared_ptr<const ProxyConfig> Make(const Kind& kind) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<const model::World> world_;
  const Topology topology_;
  ResourceCache& cache_;
  // Of every proxy; a proxy's own clusters and listeners come to those here.
  std::array<std::shared_ptr<const TypeConfig>, kResourceTypes> shared_;
  std::vector<std::string> problems_;

  mutable absl::Mutex mutex_;
  mutable std::map<Kind, std::shared_ptr<const ProxyConfig>> by_kind_ ABSL_GUARDED_BY(mutex_);
  mutable std::map<std::string, std::shared_ptr<const ProxyConfig>> by_inbound_
      ABSL_GUARDED_BY(mutex_);  // by its hashes
};

// What refers to something that is not there, one line each: a cluster without its EDS resource, a listener without its
// routes, a listener or route whose cluster is missing (except the one for invalid backends).
std::vector<std::string> DanglingReferences(const ProxyConfig& config);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_COMPILER_H_
