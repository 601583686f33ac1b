// Fuzzes what `weft apply` takes: ReadManifest and Convert, with HTTPRoutes above all.
//
// Holds for every input: each error says something and stands on a line of the text; what was read without an error,
// written as YAML, is read back as the same objects; a value comes out exactly when no error does.
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/source/any_kind.h"
#include "control/source/convert.h"
#include "control/source/manifest.h"
#include "proxy/base/check.h"
#include "schema/write.h"

// Debian's protobuf and yaml-cpp are not instrumented: what they put into a container looks like an overflow to us.
extern "C" const char* __asan_default_options() { return "detect_container_overflow=0"; }

namespace weft::control::source {
namespace {

using google::protobuf::util::MessageDifferencer;

const google::protobuf::Message& MessageOf(const weft::v1::Object& object) {
  const google::protobuf::Reflection& reflection = *object.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(object, &fields);
  WEFT_CHECK(fields.size() == 1);
  return reflection.GetMessage(object, fields[0]);
}

void CheckErrors(std::string_view text, const Findings& findings) {
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r');
  for (const auto& list : {findings.errors, findings.warnings}) {
    for (const model::ObjectError& error : list) {
      WEFT_CHECK(!error.message.empty());
      WEFT_CHECK(error.line >= 0 && error.line <= lines);
    }
  }
}

void ReadBack(const Input& input) {
  const auto text = schema::ToYaml(MessageOf(input.object), schema::Spelling::kCamel);
  WEFT_CHECK(text.ok());
  Findings findings;
  const std::vector<Input> again = ReadManifest(*text, "again.yaml", "", findings);
  WEFT_CHECK(findings.ok());
  WEFT_CHECK(again.size() == 1);
  WEFT_CHECK(again[0].key == input.key);
  WEFT_CHECK(MessageDifferencer::Equals(again[0].object, input.object));
}

void CheckManifest(std::string_view text) {
  Findings findings;
  const std::vector<Input> inputs = ReadManifest(text, "fuzz.yaml", "", findings);
  CheckErrors(text, findings);
  if (!findings.ok()) return;
  CheckDuplicates(inputs, findings);
  for (const Input& input : inputs) {
    Findings own;
    const std::optional<ModelObject> object = Convert(input, own);
    WEFT_CHECK(object.has_value() == own.ok());
    CheckErrors(text, own);
    ReadBack(input);
  }
}

}  // namespace
}  // namespace weft::control::source

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::control::source::CheckManifest({reinterpret_cast<const char*>(data), size});
  return 0;
}
