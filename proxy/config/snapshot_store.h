// SnapshotStore: each worker's current Snapshot and the pins on it. The worker owns the reference; a request pins with
// a plain counter, so that no atomic is touched per request; the last reference to an old Snapshot is dropped on the
// main thread, where freeing it delays nobody.
#ifndef WEFT_PROXY_CONFIG_SNAPSHOT_STORE_H_
#define WEFT_PROXY_CONFIG_SNAPSHOT_STORE_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/config/snapshot.h"

namespace weft::config {

// Worker thread only, except where said.
class WorkerSnapshots {
 public:
  // Hands retired Snapshots to the main thread. Called on the worker's thread.
  using Retire = std::function<void(std::shared_ptr<const Snapshot>)>;
  explicit WorkerSnapshots(Retire retire) : retire_(std::move(retire)) {}
  ~WorkerSnapshots();

  // Keeps a Snapshot while a request or a connection uses it. Must not outlive the WorkerSnapshots.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept : owner_(other.owner_), node_(std::exchange(other.node_, nullptr)) {}
    Pin& operator=(Pin&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(node_, other.node_);
      return *this;
    }
    ~Pin() {
      if (node_ != nullptr) owner_->Unpin(node_);
    }
    const Snapshot* get() const { return node_ == nullptr ? nullptr : node_->snapshot.get(); }
    const Snapshot* operator->() const { return get(); }
    explicit operator bool() const { return node_ != nullptr; }

   private:
    friend class WorkerSnapshots;
    struct Node {
      std::shared_ptr<const Snapshot> snapshot;
      size_t pins = 0;
    };
    Pin(WorkerSnapshots* owner, Node* node) : owner_(owner), node_(node) { ++node->pins; }
    WorkerSnapshots* owner_ = nullptr;
    Node* node_ = nullptr;
  };

  // Null until the first Snapshot came.
  const Snapshot* current() const { return current_ == nullptr ? nullptr : current_->snapshot.get(); }
  Pin PinCurrent() { return current_ == nullptr ? Pin() : Pin(this, current_); }

  // The swap: from the mailbox. Tells those who asked (WhenChanged) afterwards.
  void Swap(std::shared_ptr<const Snapshot> next);
  // Called after each swap, on the worker's thread, in order of registration; for listeners and parked connections.
  void WhenChanged(std::function<void(const Snapshot&)> listener) { listeners_.push_back(std::move(listener)); }

 private:
  void Unpin(Pin::Node* node);
  Retire retire_;
  Pin::Node* current_ = nullptr;
  std::vector<std::function<void(const Snapshot&)>> listeners_;
};

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_SNAPSHOT_STORE_H_
