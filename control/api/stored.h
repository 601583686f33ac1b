// Between the store's rows and what answers show. Pure, any thread. INTERNAL to control/api.
#ifndef WEFT_CONTROL_API_STORED_H_
#define WEFT_CONTROL_API_STORED_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/model/world.h"
#include "control/source/convert.h"
#include "control/store/store.h"
#include "google/protobuf/timestamp.pb.h"
#include "weft/v1/control.pb.h"

namespace weft::control::api {

void FillTime(absl::Time from, google::protobuf::Timestamp* to);
void FillKey(const model::ObjectKey& from, weft::v1::ObjectKey* to);
// InvalidArgument: no such kind, or a name is missing. An empty namespace is "default" (MeshConfig: "weft-system").
absl::StatusOr<model::ObjectKey> KeyFrom(const std::string& kind, const std::string& ns, const std::string& name);

// The object with resourceVersion, generation and creationTimestamp filled in.
absl::StatusOr<weft::v1::Object> ShownFrom(const store::StoredObject& stored);

// As Convert, with the meta complete.
std::optional<source::ModelObject> ModelFrom(const source::Input& input, const store::StoredObject& stored,
                                             source::Findings& findings);

// A service takes part in virtual addresses when it names none of its own and is not headless.
bool WantsAddress(const weft::v1::Object& object);

// Adds status to what Shown gives.
void AddStatus(const model::World& world, const model::ObjectKey& key, int generation, weft::v1::Object& object);

weft::v1::ApplyResponse::Action ActionOf(store::Action action);

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_STORED_H_
