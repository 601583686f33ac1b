// The texts that users write → objects, each with its key and the lines that its fields stand on. Reads shapes only;
// what the values must be is checked by convert.h. Any thread.
#ifndef WEFT_CONTROL_SOURCE_MANIFEST_H_
#define WEFT_CONTROL_SOURCE_MANIFEST_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/meta.h"
#include "control/source/findings.h"
#include "schema/source_map.h"
#include "weft/v1/objects.pb.h"

namespace weft::control::source {

// One object that someone wants to have.
struct Input {
  weft::v1::Object object;  // its namespace filled in
  model::ObjectKey key;
  std::shared_ptr<const schema::SourceMap> map;  // null: not from a text

  Checker CheckerFor(Findings& findings) const { return Checker(findings, key.ToString(), map.get()); }
};

// All objects of `text`, in order; `kind: List` is opened. What is wrong goes into `findings`; objects that could not
// be read are left out. `default_namespace` empty: "default".
std::vector<Input> ReadManifest(std::string_view text, const std::string& file, std::string_view default_namespace,
                                Findings& findings);

// The same checks of apiVersion, kind and name for an object that came as a message.
std::optional<Input> InputOf(weft::v1::Object object, std::string_view default_namespace, Findings& findings);

// Two inputs with one key are an error at the second.
void CheckDuplicates(const std::vector<Input>& inputs, Findings& findings);

// metadata of whatever kind `object` is; null when it is none.
const weft::v1::ObjectMeta* MetaOf(const weft::v1::Object& object);
weft::v1::ObjectMeta* MutableMeta(weft::v1::Object& object);

// "weft.dev/v1"; "gateway.networking.k8s.io/v1" for the Gateway API's kinds; "v1" for ConfigMap.
std::string_view ApiVersionOf(model::Kind kind);

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_MANIFEST_H_
