#include "control/cli/print.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/cli/kinds.h"
#include "control/cli/table.h"
#include "schema/write.h"

namespace weft::cli {
namespace {

int PrintJson(const absl::StatusOr<std::string>& json, Session* session) {
  if (!json.ok()) return session->Fail(kRefused, std::string(json.status().message()));
  if (session->in().format != Format::kYaml) {
    session->out() << *json;
    if (json->empty() || json->back() != '\n') session->out() << '\n';
    return kOk;
  }
  const absl::StatusOr<std::string> yaml = schema::JsonToYaml(*json);
  if (!yaml.ok()) return session->Fail(kRefused, std::string(yaml.status().message()));
  session->out() << *yaml;
  return kOk;
}

}  // namespace

int PrintMessage(const google::protobuf::Message& message, Session* session) {
  return PrintJson(schema::ToJson(message, schema::Spelling::kCamel, true), session);
}

int PrintObjects(const std::vector<weft::v1::Object>& objects, bool one, Session* session) {
  if (one && objects.size() == 1) return PrintMessage(InnerOf(objects[0]), session);
  std::string list = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[";
  for (size_t i = 0; i < objects.size(); ++i) {
    const absl::StatusOr<std::string> json = schema::ToJson(InnerOf(objects[i]), schema::Spelling::kCamel, true);
    if (!json.ok()) return session->Fail(kRefused, std::string(json.status().message()));
    absl::StrAppend(&list, i == 0 ? "\n" : ",\n", *json);
  }
  return PrintJson(list + "]}", session);
}

void PrintTables(const std::vector<weft::v1::Object>& objects, bool with_namespace, bool wide, absl::Time now,
                 std::ostream& out) {
  bool first = true;
  for (size_t i = 0; i < objects.size();) {
    const weft::v1::Object::KindCase kind = objects[i].kind_case();
    std::vector<std::string> header = ColumnsOf(kind, wide);
    if (with_namespace) header.insert(header.begin(), "NAMESPACE");
    Table table(header);
    for (; i < objects.size() && objects[i].kind_case() == kind; ++i) {
      std::vector<std::string> cells = CellsOf(objects[i], wide, now);
      if (with_namespace) cells.insert(cells.begin(), MetaOf(objects[i]).namespace_());
      table.Add(std::move(cells));
    }
    if (!first) out << '\n';
    first = false;
    table.Print(out);
  }
}

}  // namespace weft::cli
