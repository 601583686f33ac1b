// Shelf: the resources of one type by name: the newest good version of each, where it came from, and what was refused
// since. Main thread only.
#ifndef WEFT_PROXY_ASSEMBLE_SHELF_H_
#define WEFT_PROXY_ASSEMBLE_SHELF_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "proxy/assemble/assembler.h"
#include "proxy/discovery/resource_sink.h"
#include "proxy/discovery/resource_type.h"

namespace weft::assemble {

using Names = std::set<std::string>;

template <class Plan>
struct Held {
  std::string bytes;                 // the message, serialized
  std::shared_ptr<const Plan> plan;  // null: nothing good ever came
  bool is_static = false;
  std::string version;
  int64_t updated_micros = 0;
  std::optional<ResourceDump::Refusal> refusal;
};

// Plan: what a resource is compiled to. Message: its proto.
template <class Plan, class Message>
class Shelf {
 public:
  // The name is of the message. An error says what is wrong with it, each with its field.
  using Convert = std::function<absl::StatusOr<std::shared_ptr<const Plan>>(const Message&)>;
  using NameOf = const std::string& (*)(const Message&);
  using IsWanted = std::function<bool(const std::string&)>;

  Shelf(discovery::ResourceType type, NameOf name_of, Convert convert)
      : type_(type), name_of_(name_of), convert_(std::move(convert)) {}

  // False: the name is taken.
  bool AddStatic(const std::string& name, std::string bytes, std::shared_ptr<const Plan> plan, int64_t now_micros) {
    Held<Plan> held;
    held.bytes = std::move(bytes);
    held.plan = std::move(plan);
    held.is_static = true;
    held.updated_micros = now_micros;
    return held_.emplace(name, std::move(held)).second;
  }

  // Takes a response. Wildcard types: what it leaves out is gone. Others: what nobody wants is left alone. `changed`
  // gets the names whose plan is another one now, or gone.
  std::vector<discovery::Rejection> Apply(const discovery::Update& update, int64_t now_micros,
                                          const IsWanted& is_wanted, Names* changed) {
    std::vector<discovery::Rejection> rejections;
    Names seen;
    bool all_named = true;  // otherwise it is unclear what is left out
    for (size_t i = 0; i < update.resources.size(); ++i) {
      Message message;
      const std::string& bytes = update.resources[i].value();
      const std::string place = absl::StrCat("resources[", i, "]");
      if (!message.ParseFromString(bytes)) {
        rejections.push_back({place, "these bytes are no " + message.GetTypeName()});
        all_named = false;
        continue;
      }
      const std::string name = name_of_(message);
      if (name.empty()) {
        rejections.push_back({place, "name: must not be empty"});
        all_named = false;
      } else if (!seen.insert(name).second) {
        rejections.push_back({name, place + ": this name stands twice in one response; the first was taken"});
      } else if (is_wanted(name)) {
        Take(update, i, message, name, now_micros, &rejections, changed);
      }
    }
    if (discovery::IsWildcard(type_) && all_named) RemoveOthers(seen, changed);
    return rejections;
  }

  void Remove(const std::string& name) { held_.erase(name); }
  template <class Predicate>
  void RemoveIf(Predicate predicate) {
    std::erase_if(held_, [&](const auto& entry) { return !entry.second.is_static && predicate(entry.first); });
  }

  const Plan* Find(const std::string& name) const {
    const auto found = held_.find(name);
    return found == held_.end() ? nullptr : found->second.plan.get();
  }
  std::shared_ptr<const Plan> Get(const std::string& name) const {
    const auto found = held_.find(name);
    return found == held_.end() ? nullptr : found->second.plan;
  }
  const std::map<std::string, Held<Plan>>& held() const { return held_; }

 private:
  void Take(const discovery::Update& update, size_t index, const Message& message, const std::string& name,
            int64_t now_micros, std::vector<discovery::Rejection>* rejections, Names* changed) {
    const google::protobuf::Any& resource = update.resources[index];
    const auto found = held_.find(name);
    if (found != held_.end() && found->second.is_static) {
      rejections->push_back({name, "name: a static resource of the bootstrap has it"});
      return;
    }
    if (found != held_.end() && found->second.plan != nullptr && found->second.bytes == resource.value()) {
      found->second.refusal.reset();
      return;
    }
    auto plan = convert_(message);
    Held<Plan>& held = held_[name];
    if (!plan.ok()) {
      const std::string reason(plan.status().message());
      held.refusal = ResourceDump::Refusal{resource, reason, update.version, now_micros};
      rejections->push_back({name, reason});
      return;
    }
    held.bytes = resource.value();
    held.plan = *std::move(plan);
    held.version = update.version;
    held.updated_micros = now_micros;
    held.refusal.reset();
    changed->insert(name);
  }

  void RemoveOthers(const Names& seen, Names* changed) {
    std::erase_if(held_, [&](const auto& entry) {
      const auto& [name, held] = entry;
      if (held.is_static || seen.contains(name)) return false;
      if (held.plan != nullptr) changed->insert(name);
      return true;
    });
  }

  const discovery::ResourceType type_;
  const NameOf name_of_;
  const Convert convert_;
  std::map<std::string, Held<Plan>> held_;
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_SHELF_H_
