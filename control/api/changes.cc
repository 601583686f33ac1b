// Apply, Delete and Rollback: gather what is wanted, check all of it against what is there, commit, publish.
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "control/api/registry.h"
#include "control/api/stored.h"
#include "control/source/any_kind.h"
#include "control/source/world.h"

namespace weft::control::api {

// One change on its way.
struct Registry::Plan {
  std::vector<source::Input> inputs;      // to put
  std::vector<model::ObjectKey> deletes;  // to delete
  std::vector<int64_t> expected;          // of each input, then of each delete; 0: any
  source::Findings findings;              // so far
  bool stale = false;                     // findings say so of a resourceVersion
  std::string action;
  std::string message;
  bool dry_run = false;
};

namespace {

std::string FileOf(const weft::v1::Manifest& manifest) { return manifest.file().empty() ? "<input>" : manifest.file(); }

// Of another store, and none of ours: equal to nothing.
constexpr int64_t kForeignVersion = -1;

// 0 when none is given.
int64_t VersionOf(const source::Input& input) {
  const std::string& text = source::MetaOf(input.object)->resource_version();
  int64_t version = 0;
  if (text.empty() || (absl::SimpleAtoi(text, &version) && version > 0)) return version;
  return kForeignVersion;
}

// A world with the inputs in place of what was there, before anything is stored.
class Draft {
 public:
  Draft(const model::World& world, source::Findings& findings) : world_(world), findings_(findings) {}

  void Put(const source::Input& input) {
    const model::Service* before =
        input.key.kind == model::Kind::kService ? world_.FindService(input.key.name) : nullptr;
    std::optional<source::ModelObject> value = source::Convert(input, findings_);
    if (!value.has_value()) return;
    checkers_.emplace(input.key, input.CheckerFor(findings_));
    // Addresses that it keeps; those of a new one are known after the commit.
    if (before != nullptr && WantsAddress(input.object)) std::get<model::Service>(*value).addresses = before->addresses;
    source::Put(world_, *std::move(value));
  }
  void Remove(const model::ObjectKey& key) { source::Remove(world_, key); }

  void CheckTogether() {
    source::CheckConflicts(world_, [&](const model::ObjectKey& key) -> source::Checker* {
      const auto checker = checkers_.find(key);
      return checker == checkers_.end() ? nullptr : &checker->second;
    });
  }
  // What points nowhere yet.
  void Warn() {
    for (auto& [key, checker] : checkers_) {
      for (const source::Verdict& verdict : source::Judge(world_, key)) {
        if (!verdict.condition.status) checker.Warn(verdict.field, verdict.condition.message);
      }
    }
  }
  model::World& world() { return world_; }

 private:
  model::World world_;
  source::Findings& findings_;
  std::map<model::ObjectKey, source::Checker> checkers_;
};

void CheckTrustDomain(const source::Input& input, const std::string& trust_domain, source::Findings& findings) {
  if (!input.object.has_mesh_config()) return;
  const std::string& wanted = input.object.mesh_config().spec().trust_domain();
  if (wanted.empty() || wanted == trust_domain) return;
  input.CheckerFor(findings).Error(
      "spec.trustDomain", absl::StrCat(schema::Quoted(wanted), " is not the trust domain of this control plane, ",
                                       trust_domain, "; it is set by `weft-control serve --trust-domain`"));
}

store::Write WriteOf(const source::Input& input, int64_t expected) {
  store::Write write;
  write.key = input.key;
  write.bytes = source::ToBytes(input.object);
  write.spec_hash = source::SpecHash(input.object);
  write.expected_revision = expected;
  write.wants_address = WantsAddress(input.object);
  return write;
}

}  // namespace

absl::Status Registry::Refused(const absl::Status& why) {
  refusals_.fetch_add(1, std::memory_order_relaxed);
  return why;
}

// Says it of every stale object at once, with its line; the store would stop at the first. An object that is not there
// conflicts with nothing, so that what `weft get` wrote can be applied to an empty store.
void Registry::CheckVersions(Plan& plan) const {
  absl::MutexLock lock(&mutex_);
  for (size_t i = 0; i < plan.expected.size(); ++i) {
    if (plan.expected[i] == 0) continue;
    const bool is_input = i < plan.inputs.size();
    const model::ObjectKey& key = is_input ? plan.inputs[i].key : plan.deletes[i - plan.inputs.size()];
    const auto entry = entries_.find(key);
    if (is_input && entry == entries_.end()) {
      plan.expected[i] = 0;
      continue;
    }
    const std::string expected =
        is_input ? source::MetaOf(plan.inputs[i].object)->resource_version() : std::to_string(plan.expected[i]);
    const std::string is = entry == entries_.end() ? "" : source::MetaOf(entry->second.object)->resource_version();
    if (is == expected) continue;
    plan.stale = true;
    source::Checker checker =
        is_input ? plan.inputs[i].CheckerFor(plan.findings) : source::Checker(plan.findings, key.ToString(), nullptr);
    checker.Error("metadata.resourceVersion",
                  is.empty() ? absl::StrCat(expected, " is stale: the object does not exist (any more)")
                             : absl::StrCat(expected, " is stale: the object is at ", is,
                                            " now; get it, merge your change, apply again"));
  }
}

absl::Status Registry::Apply(const Author& author, const weft::v1::ApplyRequest& request, absl::Time now,
                             weft::v1::ApplyResponse* response) {
  Plan plan;
  plan.action = "apply";
  plan.message = request.message();
  plan.dry_run = request.dry_run();
  for (const weft::v1::Manifest& manifest : request.manifests()) {
    for (source::Input& input :
         source::ReadManifest(manifest.text(), FileOf(manifest), request.default_namespace(), plan.findings)) {
      plan.inputs.push_back(std::move(input));
    }
  }
  for (const weft::v1::Object& object : request.objects()) {
    if (auto input = source::InputOf(object, request.default_namespace(), plan.findings)) {
      plan.inputs.push_back(*std::move(input));
    }
  }
  source::CheckDuplicates(plan.inputs, plan.findings);
  if (plan.inputs.empty() && plan.findings.ok()) {
    return Refused(absl::InvalidArgumentError("nothing to apply: the request has no object"));
  }
  for (const source::Input& input : plan.inputs) plan.expected.push_back(VersionOf(input));
  absl::MutexLock lock(&change_mutex_);
  return Run(author, plan, now, response);
}

absl::Status Registry::Delete(const Author& author, const weft::v1::DeleteRequest& request, absl::Time now,
                              weft::v1::ApplyResponse* response) {
  Plan plan;
  plan.action = "delete";
  plan.message = request.message();
  plan.dry_run = request.dry_run();
  std::set<model::ObjectKey> keys;
  for (const weft::v1::ObjectKey& from : request.keys()) {
    const std::string& ns = from.namespace_().empty() ? request.default_namespace() : from.namespace_();
    absl::StatusOr<model::ObjectKey> key = KeyFrom(from.kind(), ns, from.name());
    if (!key.ok()) return Refused(key.status());
    keys.insert(*std::move(key));
  }
  for (const weft::v1::Manifest& manifest : request.manifests()) {
    for (const source::Input& input :
         source::ReadManifest(manifest.text(), FileOf(manifest), request.default_namespace(), plan.findings)) {
      keys.insert(input.key);
    }
  }
  if (keys.empty() && plan.findings.ok()) {
    return Refused(absl::InvalidArgumentError("nothing to delete: the request names no object"));
  }
  int64_t version = 0;
  if (!request.resource_version().empty() &&
      (keys.size() != 1 || !absl::SimpleAtoi(request.resource_version(), &version) || version <= 0)) {
    return Refused(
        absl::InvalidArgumentError("resource_version: goes with exactly one key, and is a version of this server"));
  }
  absl::MutexLock lock(&change_mutex_);
  {
    absl::MutexLock read_lock(&mutex_);
    for (const model::ObjectKey& key : keys) {
      if (entries_.count(key) == 0 && request.ignore_not_found()) continue;
      if (entries_.count(key) == 0) return Refused(absl::NotFoundError(absl::StrCat(key.ToString(), ": not found")));
      plan.deletes.push_back(key);
      plan.expected.push_back(version);
    }
  }
  return Run(author, plan, now, response);
}

absl::Status Registry::Rollback(const Author& author, const weft::v1::RollbackRequest& request, absl::Time now,
                                weft::v1::ApplyResponse* response) {
  if (request.revision() <= 0)
    return Refused(absl::InvalidArgumentError("revision: a number from `weft log` is wanted"));
  Plan plan;
  plan.action = absl::StrCat("rollback to ", request.revision());
  plan.message = request.message();
  plan.dry_run = request.dry_run();
  absl::MutexLock lock(&change_mutex_);
  absl::StatusOr<std::map<model::ObjectKey, weft::v1::Object>> wanted = ObjectsAt(request.revision());
  if (absl::IsOutOfRange(wanted.status())) return Refused(absl::NotFoundError(wanted.status().message()));
  if (!wanted.ok()) return Refused(wanted.status());
  {
    absl::MutexLock read_lock(&mutex_);
    for (const auto& [key, entry] : entries_) {
      if (wanted->count(key) == 0) plan.deletes.push_back(key);
    }
    for (auto& [key, object] : *wanted) {
      const auto entry = entries_.find(key);
      // What is the same already is no part of the change.
      if (entry != entries_.end() && source::ToBytes(entry->second.object) == source::ToBytes(object)) continue;
      plan.inputs.push_back({std::move(object), key, nullptr});
    }
  }
  plan.expected.assign(plan.inputs.size() + plan.deletes.size(), 0);
  return Run(author, plan, now, response);
}

absl::Status Registry::Run(const Author& author, Plan& plan, absl::Time now, weft::v1::ApplyResponse* response) {
  const std::shared_ptr<const model::World> before = world();
  Draft draft(*before, plan.findings);
  for (const model::ObjectKey& key : plan.deletes) draft.Remove(key);
  for (const source::Input& input : plan.inputs) {
    draft.Put(input);
    CheckTrustDomain(input, trust_domain_, plan.findings);
  }
  if (plan.findings.ok()) draft.CheckTogether();
  if (!plan.findings.ok()) return Refused(Refuse(absl::StatusCode::kInvalidArgument, plan.findings.errors));
  CheckVersions(plan);
  if (plan.stale) return Refused(Refuse(absl::StatusCode::kAborted, plan.findings.errors));
  draft.Warn();

  store::Commit commit{author.name, author.via, plan.action, plan.message, {}, plan.dry_run};
  for (size_t i = 0; i < plan.inputs.size(); ++i) commit.writes.push_back(WriteOf(plan.inputs[i], plan.expected[i]));
  for (const model::ObjectKey& key : plan.deletes) {
    commit.writes.push_back(
        {.key = key, .bytes = std::nullopt, .expected_revision = plan.expected[commit.writes.size()]});
  }
  absl::StatusOr<store::Committed> committed = store_.Apply(commit, now);
  if (!committed.ok()) return Refused(committed.status());
  applies_.fetch_add(1, std::memory_order_relaxed);

  // The same world again, now with the versions, dates and addresses that the store gave.
  model::World& next = draft.world();
  next.revision = committed->revision;
  source::Findings none;
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const store::Outcome& outcome = committed->outcomes[i];
    std::optional<source::ModelObject> value = ModelFrom(plan.inputs[i], outcome.object, none);
    if (auto* service = std::get_if<model::Service>(&*value); service != nullptr && !outcome.addresses.empty()) {
      service->addresses = outcome.addresses;
    }
    source::Put(next, *std::move(value));
  }
  auto world = std::make_shared<const model::World>(std::move(next));
  response->set_revision(committed->revision);
  response->set_changed(committed->changed);
  response->set_dry_run(plan.dry_run);
  for (const store::Outcome& outcome : committed->outcomes) {
    absl::StatusOr<weft::v1::Object> object = ShownFrom(outcome.object);
    if (!object.ok()) return object.status();
    weft::v1::ApplyResponse::Result* result = response->add_results();
    FillKey(outcome.object.key, result->mutable_key());
    result->set_action(ActionOf(outcome.action));
    if (outcome.action != store::Action::kDeleted) {
      AddStatus(*world, outcome.object.key, outcome.object.generation, *object);
    }
    *result->mutable_object() = *std::move(object);
  }
  for (const model::ObjectError& warning : plan.findings.warnings) FillError(warning, response->add_warnings());
  if (committed->changed && !plan.dry_run) Install(plan, *committed, std::move(world));
  return absl::OkStatus();
}

void Registry::Install(const Plan& plan, const store::Committed& committed, std::shared_ptr<const model::World> world) {
  change_mutex_.AssertHeld();
  {
    absl::MutexLock lock(&mutex_);
    for (const model::ObjectKey& key : plan.deletes) entries_.erase(key);
    for (size_t i = 0; i < plan.inputs.size(); ++i) {
      const store::StoredObject& stored = committed.outcomes[i].object;
      absl::StatusOr<weft::v1::Object> object = ShownFrom(stored);
      if (object.ok()) entries_[stored.key] = {*std::move(object), stored.generation};
    }
    world_ = world;
  }
  if (publish_ != nullptr) publish_(std::move(world));
}

}  // namespace weft::control::api
