// The objects of the mesh: checks what is asked for, keeps it in the store, and makes the World that proxies are
// configured from. The one way in which objects change.
//
// Thread-safe. Changes come one after the other; readers see whole revisions. What a call returned OK for is on disk.
// Errors are those of refusal.h; the store's own pass through.
#ifndef WEFT_CONTROL_API_REGISTRY_H_
#define WEFT_CONTROL_API_REGISTRY_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "control/model/world.h"
#include "control/source/manifest.h"
#include "control/store/store.h"
#include "weft/v1/control.pb.h"

namespace weft::control::api {

// Who changes something: the name that they give, and how they came in ("unix socket", "admin token from 127.0.0.1").
struct Author {
  std::string name;
  std::string via;
};

struct RegistryCounts {
  int64_t revision = 0;
  std::map<model::Kind, int64_t> objects;
  int64_t applies = 0;   // calls that changed something, or would have
  int64_t refusals = 0;  // calls that were refused
};

class Registry {
 public:
  using Publish = std::function<void(std::shared_ptr<const model::World>)>;

  // Reads everything from `store`, which outlives this. DataLoss names an object that cannot be read.
  static absl::StatusOr<std::unique_ptr<Registry>> Open(store::Store& store, const std::string& trust_domain);

  // `publish` gets the present World now and each later one, in order, on the thread of the change.
  void SetPublish(Publish publish);
  std::shared_ptr<const model::World> world() const;

  absl::Status Apply(const Author& author, const weft::v1::ApplyRequest& request, absl::Time now,
                     weft::v1::ApplyResponse* response);
  absl::Status Delete(const Author& author, const weft::v1::DeleteRequest& request, absl::Time now,
                      weft::v1::ApplyResponse* response);
  absl::Status Rollback(const Author& author, const weft::v1::RollbackRequest& request, absl::Time now,
                        weft::v1::ApplyResponse* response);

  absl::Status Get(const weft::v1::GetRequest& request, weft::v1::Object* response) const;
  absl::Status List(const weft::v1::ListRequest& request, weft::v1::ListResponse* response) const;
  absl::Status Log(const weft::v1::LogRequest& request, weft::v1::LogResponse* response) const;

  // The events after `after`, none of a later revision than the last; waits up to `at_most` for the first. Ends with a
  // bookmark whenever there was a change.
  absl::StatusOr<std::vector<weft::v1::WatchEvent>> EventsAfter(int64_t after, const weft::v1::WatchRequest& filter,
                                                                absl::Duration at_most) const;
  // What is there now, as ADDED events, and a bookmark.
  std::vector<weft::v1::WatchEvent> Present(const weft::v1::WatchRequest& filter) const;

  RegistryCounts Counts() const;

 private:
  // An object as answers show it, without its status.
  struct Entry {
    weft::v1::Object object;
    int generation = 0;
  };
  using Entries = std::map<model::ObjectKey, Entry>;
  struct Plan;  // changes.cc

  Registry(store::Store& store, std::string trust_domain) : store_(store), trust_domain_(std::move(trust_domain)) {}

  absl::Status Load();
  absl::Status Run(const Author& author, Plan& plan, absl::Time now, weft::v1::ApplyResponse* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  absl::Status Refused(const absl::Status& why);
  void CheckVersions(Plan& plan) const;
  void Install(const Plan& plan, const store::Committed& committed, std::shared_ptr<const model::World> world);

  weft::v1::Object Shown(const Entry& entry, const model::ObjectKey& key, const model::World& world) const;
  absl::StatusOr<std::map<model::ObjectKey, weft::v1::Object>> ObjectsAt(int64_t revision) const;

  store::Store& store_;
  const std::string trust_domain_;

  absl::Mutex change_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // held for a whole change
  Publish publish_ ABSL_GUARDED_BY(change_mutex_);

  mutable absl::Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const model::World> world_ ABSL_GUARDED_BY(mutex_);

  std::atomic<int64_t> applies_{0};
  std::atomic<int64_t> refusals_{0};
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_REGISTRY_H_
