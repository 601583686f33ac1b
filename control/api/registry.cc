// The reading side of Registry; changes are in changes.cc.
#include "control/api/registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/api/stored.h"
#include "control/source/any_kind.h"
#include "control/source/world.h"

namespace weft::control::api {
namespace {

constexpr int kMostRevisionsAtOnce = 256;

bool Passes(const weft::v1::WatchRequest& filter, const model::ObjectKey& key) {
  if (!filter.namespace_().empty() && filter.namespace_() != key.name.ns) return false;
  if (filter.kinds().empty()) return true;
  return std::any_of(filter.kinds().begin(), filter.kinds().end(),
                     [&](const std::string& word) { return model::KindFromWord(word) == key.kind; });
}

weft::v1::WatchEvent Bookmark(int64_t revision) {
  weft::v1::WatchEvent event;
  event.set_revision(revision);
  return event;
}

weft::v1::WatchEvent::Type EventOf(store::Action action) {
  if (action == store::Action::kDeleted) return weft::v1::WatchEvent::DELETED;
  return action == store::Action::kCreated ? weft::v1::WatchEvent::ADDED : weft::v1::WatchEvent::MODIFIED;
}

// A deleted object is shown by its name alone.
absl::StatusOr<weft::v1::Object> ObjectOf(const store::Change& change) {
  if (change.action != store::Action::kDeleted) return ShownFrom(change.object);
  weft::v1::Object object;
  source::MutableOf(object, change.object.key.kind);
  source::SetHead(object, change.object.key.kind);
  source::MutableMeta(object)->set_namespace_(change.object.key.name.ns);
  source::MutableMeta(object)->set_name(change.object.key.name.name);
  source::MutableMeta(object)->set_resource_version(std::to_string(change.revision));
  return object;
}

bool HasLabels(const weft::v1::Object& object, const google::protobuf::Map<std::string, std::string>& wanted) {
  const auto& labels = source::MetaOf(object)->labels();
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    const auto it = labels.find(entry.first);
    return it != labels.end() && it->second == entry.second;
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Registry>> Registry::Open(store::Store& store, const std::string& trust_domain) {
  std::unique_ptr<Registry> registry(new Registry(store, trust_domain));
  if (absl::Status loaded = registry->Load(); !loaded.ok()) return loaded;
  return registry;
}

absl::Status Registry::Load() {
  absl::StatusOr<store::Store::Listing> listing = store_.List();
  if (!listing.ok()) return listing.status();
  auto world = std::make_shared<model::World>();
  world->revision = listing->revision;
  world->trust_domain = trust_domain_;
  absl::MutexLock lock(&mutex_);
  for (const store::StoredObject& stored : listing->objects) {
    absl::StatusOr<weft::v1::Object> object = ShownFrom(stored);
    if (!object.ok()) return object.status();
    source::Findings findings;
    const source::Input input{*object, stored.key, nullptr};
    std::optional<source::ModelObject> value = ModelFrom(input, stored, findings);
    if (!value.has_value()) {
      return absl::DataLossError(
          absl::StrCat("the store holds an object that this version refuses: ", findings.errors.front().ToString()));
    }
    if (auto* service = std::get_if<model::Service>(&*value); service != nullptr && WantsAddress(*object)) {
      service->addresses = listing->addresses[stored.key.name];
    }
    source::Put(*world, *std::move(value));
    entries_[stored.key] = {*std::move(object), stored.generation};
  }
  world_ = std::move(world);
  return absl::OkStatus();
}

void Registry::SetPublish(Publish publish) {
  absl::MutexLock lock(&change_mutex_);
  publish_ = std::move(publish);
  publish_(world());
}

std::shared_ptr<const model::World> Registry::world() const {
  absl::MutexLock lock(&mutex_);
  return world_;
}

weft::v1::Object Registry::Shown(const Entry& entry, const model::ObjectKey& key, const model::World& world) const {
  weft::v1::Object object = entry.object;
  AddStatus(world, key, entry.generation, object);
  return object;
}

absl::Status Registry::Get(const weft::v1::GetRequest& request, weft::v1::Object* response) const {
  absl::StatusOr<model::ObjectKey> key = KeyFrom(request.kind(), request.namespace_(), request.name());
  if (!key.ok()) return key.status();
  if (request.revision() != 0) {
    absl::StatusOr<store::StoredObject> stored = store_.Get(*key, request.revision());
    if (!stored.ok()) return stored.status();
    absl::StatusOr<weft::v1::Object> object = ShownFrom(*stored);
    if (!object.ok()) return object.status();
    *response = *std::move(object);
    return absl::OkStatus();
  }
  absl::MutexLock lock(&mutex_);
  const auto entry = entries_.find(*key);
  if (entry == entries_.end()) return absl::NotFoundError(absl::StrCat(key->ToString(), ": not found"));
  *response = Shown(entry->second, *key, *world_);
  return absl::OkStatus();
}

absl::StatusOr<std::map<model::ObjectKey, weft::v1::Object>> Registry::ObjectsAt(int64_t revision) const {
  std::map<model::ObjectKey, weft::v1::Object> objects;
  absl::StatusOr<store::Store::Listing> listing = store_.List(revision);
  if (!listing.ok()) return listing.status();
  for (const store::StoredObject& stored : listing->objects) {
    absl::StatusOr<weft::v1::Object> object = ShownFrom(stored);
    if (!object.ok()) return object.status();
    objects.emplace(stored.key, *std::move(object));
  }
  return objects;
}

absl::Status Registry::List(const weft::v1::ListRequest& request, weft::v1::ListResponse* response) const {
  const std::optional<model::Kind> kind = model::KindFromWord(request.kind());
  if (!request.kind().empty() && !kind.has_value()) return KeyFrom(request.kind(), "", "any").status();
  const auto passes = [&](const model::ObjectKey& key, const weft::v1::Object& object) {
    return (!kind.has_value() || key.kind == *kind) &&
           (request.namespace_().empty() || request.namespace_() == key.name.ns) && HasLabels(object, request.labels());
  };
  // The token is the key of the last object of the page before.
  const auto is_later = [&](const model::ObjectKey& key) {
    return request.page_token().empty() || key.ToString() > request.page_token();
  };
  std::map<std::string, weft::v1::Object> found;  // by KIND/NAMESPACE/NAME
  if (request.revision() != 0) {
    absl::StatusOr<std::map<model::ObjectKey, weft::v1::Object>> objects = ObjectsAt(request.revision());
    if (!objects.ok()) return objects.status();
    for (auto& [key, object] : *objects) {
      if (passes(key, object) && is_later(key)) found.emplace(key.ToString(), std::move(object));
    }
    response->set_revision(request.revision());
  } else {
    absl::MutexLock lock(&mutex_);
    for (const auto& [key, entry] : entries_) {
      if (passes(key, entry.object) && is_later(key)) found.emplace(key.ToString(), Shown(entry, key, *world_));
    }
    response->set_revision(world_->revision);
  }
  const size_t size = request.page_size() > 0 ? static_cast<size_t>(request.page_size()) : found.size();
  std::string last;
  for (auto& [name, object] : found) {
    if (static_cast<size_t>(response->objects_size()) == size) {
      response->set_next_page_token(last);
      break;
    }
    *response->add_objects() = std::move(object);
    last = name;
  }
  return absl::OkStatus();
}

absl::Status Registry::Log(const weft::v1::LogRequest& request, weft::v1::LogResponse* response) const {
  store::LogQuery query;
  if (request.limit() > 0) query.limit = request.limit();
  query.before_revision = request.before_revision();
  if (!request.key().kind().empty()) {
    absl::StatusOr<model::ObjectKey> key =
        KeyFrom(request.key().kind(), request.key().namespace_(), request.key().name());
    if (!key.ok()) return key.status();
    query.only = *std::move(key);
  }
  absl::StatusOr<std::vector<store::RevisionEntry>> entries = store_.Log(query);
  if (!entries.ok()) return entries.status();
  for (const store::RevisionEntry& from : *entries) {
    weft::v1::RevisionEntry* entry = response->add_revisions();
    entry->set_revision(from.revision);
    FillTime(from.time, entry->mutable_time());
    entry->set_author(from.author.empty() ? from.via : absl::StrCat(from.author, " (", from.via, ")"));
    entry->set_action(from.action);
    entry->set_message(from.message);
    for (const auto& [key, action] : from.changes) {
      weft::v1::RevisionEntry::Change* change = entry->add_changes();
      FillKey(key, change->mutable_key());
      change->set_action(ActionOf(action));
    }
  }
  return absl::OkStatus();
}

std::vector<weft::v1::WatchEvent> Registry::Present(const weft::v1::WatchRequest& filter) const {
  std::vector<weft::v1::WatchEvent> events;
  absl::MutexLock lock(&mutex_);
  for (const auto& [key, entry] : entries_) {
    if (!Passes(filter, key)) continue;
    weft::v1::WatchEvent& event = events.emplace_back();
    event.set_type(weft::v1::WatchEvent::ADDED);
    event.set_revision(world_->revision);
    *event.mutable_object() = Shown(entry, key, *world_);
  }
  events.push_back(Bookmark(world_->revision));
  return events;
}

absl::StatusOr<std::vector<weft::v1::WatchEvent>> Registry::EventsAfter(int64_t after,
                                                                        const weft::v1::WatchRequest& filter,
                                                                        absl::Duration at_most) const {
  std::vector<weft::v1::WatchEvent> events;
  if (store_.WaitForRevisionAfter(after, at_most) <= after) return events;
  absl::StatusOr<std::vector<store::Change>> changes = store_.ChangesAfter(after, kMostRevisionsAtOnce);
  if (!changes.ok()) return changes.status();
  for (const store::Change& change : *changes) {
    if (!Passes(filter, change.object.key)) continue;
    absl::StatusOr<weft::v1::Object> object = ObjectOf(change);
    if (!object.ok()) return object.status();
    weft::v1::WatchEvent& event = events.emplace_back();
    event.set_type(EventOf(change.action));
    event.set_revision(change.revision);
    *event.mutable_object() = *std::move(object);
  }
  if (!changes->empty()) events.push_back(Bookmark(changes->back().revision));
  return events;
}

RegistryCounts Registry::Counts() const {
  RegistryCounts counts;
  counts.applies = applies_.load(std::memory_order_relaxed);
  counts.refusals = refusals_.load(std::memory_order_relaxed);
  for (const model::Kind kind : model::kEveryKind) counts.objects[kind] = 0;
  absl::MutexLock lock(&mutex_);
  counts.revision = world_->revision;
  for (const auto& [key, entry] : entries_) ++counts.objects[key.kind];
  return counts;
}

}  // namespace weft::control::api
