#include "proxy/config/snapshot_store.h"

#include "proxy/base/check.h"

namespace weft::config {

WorkerSnapshots::~WorkerSnapshots() {
  if (current_ == nullptr) return;
  WEFT_CHECK(current_->pins == 0);
  retire_(std::move(current_->snapshot));
  delete current_;
}

void WorkerSnapshots::Swap(std::shared_ptr<const Snapshot> next) {
  Pin::Node* old = std::exchange(current_, new Pin::Node{std::move(next), 0});
  if (old != nullptr && old->pins == 0) {
    retire_(std::move(old->snapshot));
    delete old;
  }
  for (auto& listener : listeners_) listener(*current_->snapshot);
}

void WorkerSnapshots::Unpin(Pin::Node* node) {
  if (--node->pins > 0 || node == current_) return;
  retire_(std::move(node->snapshot));
  delete node;
}

}  // namespace weft::config
