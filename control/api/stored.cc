#include "control/api/stored.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "control/source/any_kind.h"
#include "control/source/world.h"
#include "schema/problem.h"

namespace weft::control::api {

void FillTime(absl::Time from, google::protobuf::Timestamp* to) {
  const int64_t micros = absl::ToUnixMicros(from);
  int64_t seconds = micros / 1000000, rest = micros % 1000000;
  if (rest < 0) {
    --seconds;
    rest += 1000000;
  }
  to->set_seconds(seconds);
  to->set_nanos(static_cast<int32_t>(rest * 1000));
}

void FillKey(const model::ObjectKey& from, weft::v1::ObjectKey* to) {
  to->set_kind(std::string(model::KindName(from.kind)));
  to->set_namespace_(from.name.ns);
  to->set_name(from.name.name);
}

absl::StatusOr<model::ObjectKey> KeyFrom(const std::string& kind, const std::string& ns, const std::string& name) {
  const std::optional<model::Kind> known = model::KindFromWord(kind);
  if (!known.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("kind: ", schema::Quoted(kind), " is not known; ", model::KindList(), " is wanted"));
  }
  if (name.empty()) return absl::InvalidArgumentError("name: is missing");
  // There is one for the whole mesh, whatever namespace the caller is in.
  if (*known == model::Kind::kMeshConfig) return model::ObjectKey{*known, {std::string(model::kMeshNamespace), name}};
  return model::ObjectKey{*known, {ns.empty() ? std::string(model::kDefaultNamespace) : ns, name}};
}

absl::StatusOr<weft::v1::Object> ShownFrom(const store::StoredObject& stored) {
  absl::StatusOr<weft::v1::Object> object = source::FromBytes(stored.bytes);
  if (!object.ok()) {
    return absl::DataLossError(absl::StrCat(stored.key.ToString(), ": ", std::string(object.status().message())));
  }
  weft::v1::ObjectMeta& meta = *source::MutableMeta(*object);
  meta.set_resource_version(std::to_string(stored.revision));
  meta.set_generation(stored.generation);
  FillTime(stored.created, meta.mutable_creation_timestamp());
  return object;
}

std::optional<source::ModelObject> ModelFrom(const source::Input& input, const store::StoredObject& stored,
                                             source::Findings& findings) {
  std::optional<source::ModelObject> object = source::Convert(input, findings);
  if (!object.has_value()) return object;
  std::visit(
      [&](auto& value) {
        value.meta.resource_version = stored.revision;
        value.meta.generation = stored.generation;
        value.meta.created = stored.created;
      },
      *object);
  return object;
}

bool WantsAddress(const weft::v1::Object& object) {
  return object.has_service() && object.service().spec().addresses().empty();
}

void AddStatus(const model::World& world, const model::ObjectKey& key, int generation, weft::v1::Object& object) {
  std::vector<model::Condition> conditions;
  for (source::Verdict& verdict : source::Judge(world, key)) conditions.push_back(std::move(verdict.condition));
  source::SetConditions(object, conditions, generation);
  if (!object.has_service()) return;
  const model::Service* service = world.FindService(key.name);
  if (service == nullptr) return;
  for (const std::string& address : service->addresses) {
    object.mutable_service()->mutable_status()->add_addresses(address);
  }
}

weft::v1::ApplyResponse::Action ActionOf(store::Action action) {
  switch (action) {
    case store::Action::kCreated: return weft::v1::ApplyResponse::CREATED;
    case store::Action::kChanged: return weft::v1::ApplyResponse::CONFIGURED;
    case store::Action::kDeleted: return weft::v1::ApplyResponse::DELETED;
    case store::Action::kUnchanged: break;
  }
  return weft::v1::ApplyResponse::UNCHANGED;
}

}  // namespace weft::control::api
