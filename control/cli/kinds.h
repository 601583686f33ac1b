// What a table shows of each kind of object.
#ifndef WEFT_CONTROL_CLI_KINDS_H_
#define WEFT_CONTROL_CLI_KINDS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "weft/v1/objects.pb.h"

namespace weft::cli {

// The Service, HTTPRoute … within; of an empty Object, the Object itself.
const google::protobuf::Message& InnerOf(const weft::v1::Object& object);
const weft::v1::ObjectMeta& MetaOf(const weft::v1::Object& object);

std::vector<std::string> ColumnsOf(weft::v1::Object::KindCase kind, bool wide);
std::vector<std::string> CellsOf(const weft::v1::Object& object, bool wide, absl::Time now);

// "httproute/web", as kubectl names objects.
std::string ShortName(const std::string& kind, const std::string& name);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_KINDS_H_
