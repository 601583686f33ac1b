#include "proxy/app/fleet.h"

#include <utility>

#include "proxy/base/buffer.h"
#include "proxy/runtime/frame_pool.h"

namespace weft::app {

Fleet::Fleet(FleetDeps deps, int workers, runtime::Duration hold_timeout) : deps_(std::move(deps)) {
  members_.reserve(static_cast<size_t>(workers));
  for (int i = 0; i < workers; ++i) Add(i, hold_timeout);
  std::vector<ListeningSockets::Member> members;
  for (Member& member : members_) {
    paths_.push_back(member.path.get());
    members.push_back({*member.worker, *member.path});
  }
  sockets_ = std::make_unique<ListeningSockets>(deps_.reactor, std::move(members));
}

Fleet::~Fleet() { Stop(); }

void Fleet::Add(int index, runtime::Duration hold_timeout) {
  Member member;
  member.worker = std::make_unique<runtime::Worker>(index);
  telemetry::WorkerMetrics& metrics = deps_.metrics.AddWorker(
      [&mailbox = deps_.mailbox](std::function<void()> work) { mailbox.Post(std::move(work)); });
  member.recorder = std::make_unique<Recorder>(RecorderDeps{member.worker->reactor(), metrics, deps_.log_writer, {}});
  auto retire = [&mailbox = deps_.mailbox,
                 freed = deps_.snapshot_freed](std::shared_ptr<const config::Snapshot> snapshot) {
    mailbox.Post([snapshot = std::move(snapshot), freed]() mutable {
      snapshot.reset();
      freed();
    });
  };
  member.path = std::make_unique<DataPath>(
      DataPathDeps{*member.worker, std::move(retire), *member.recorder, &paths_, hold_timeout});
  member.recorder->WatchSnapshots(member.path->snapshots());
  members_.push_back(std::move(member));
}

void Fleet::Start() {
  running_ = true;
  for (Member& member : members_) {
    member.worker->Start([&path = member.path] { path.reset(); });
  }
}

absl::Status Fleet::Publish(const std::shared_ptr<const config::Snapshot>& snapshot) {
  for (Member& member : members_) {
    member.worker->mailbox().Post(
        [path = member.path.get(), snapshot]() mutable { path->snapshots().Swap(std::move(snapshot)); });
  }
  return sockets_->Follow(*snapshot);
}

void Fleet::SetOwn(const Workload& own) {
  for (Member& member : members_) {
    member.worker->mailbox().Post([recorder = member.recorder.get(), own] { recorder->SetOwn(own); });
  }
}

void Fleet::TrimBuffers() {
  for (Member& member : members_) {
    member.worker->mailbox().Post([] {
      base::BufferPool::ForThisThread().Trim();
      runtime::TrimFrames();
    });
  }
}

void Fleet::Drain() {
  if (std::exchange(draining_, true) || !running_) return;
  sockets_->Close();
  for (Member& member : members_) {
    member.worker->RunAndWait([path = member.path.get()] { path->Drain(); });
  }
  // A socket that one worker has just given to another counts only when it has arrived.
  for (Member& member : members_) member.worker->RunAndWait([] {});
}

int64_t Fleet::connections() const {
  int64_t sum = 0;
  for (const DataPath* path : paths_) sum += path->connections();
  return sum;
}

void Fleet::Stop() {
  if (!running_) return;
  Drain();         // from now on no worker hands a socket to another
  paths_.clear();  // no worker looks at its peers any more
  for (Member& member : members_) member.worker->StopAndJoin();
  running_ = false;
}

}  // namespace weft::app
