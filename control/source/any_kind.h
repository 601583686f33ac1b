// weft.v1.Object is a oneof; this is the only place that lists its kinds. Any thread.
#ifndef WEFT_CONTROL_SOURCE_ANY_KIND_H_
#define WEFT_CONTROL_SOURCE_ANY_KIND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "control/model/meta.h"
#include "google/protobuf/message.h"
#include "weft/v1/objects.pb.h"

namespace weft::control::source {

std::optional<model::Kind> KindOf(const weft::v1::Object& object);
// The message of `kind` in `object`, made when it is not the one that is set.
google::protobuf::Message* MutableOf(weft::v1::Object& object, model::Kind kind);
// The message that is set: Service, HTTPRoute…  `object` itself when none is.
const google::protobuf::Message& InnerOf(const weft::v1::Object& object);
// Writes apiVersion and kind as they should be.
void SetHead(weft::v1::Object& object, model::Kind kind);

// What the store keeps: without status and without what the server fills in; equal objects give equal bytes.
std::string ToBytes(const weft::v1::Object& object);
// DataLoss when the bytes are none.
absl::StatusOr<weft::v1::Object> FromBytes(std::string_view bytes);
// Of all but metadata and status: two objects that differ only there have the same.
int64_t SpecHash(const weft::v1::Object& object);

// Replaces status.conditions (of a route: of each parent; of a BackendTLSPolicy: of each target). A ConfigMap has none.
void SetConditions(weft::v1::Object& object, const std::vector<model::Condition>& conditions, int generation);

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_ANY_KIND_H_
