// YAML or JSON text → protobuf messages. Used by weft-proxy (bootstrap), weft-control (objects) and weft, at start and
// on configuration changes, never on a worker. No exception leaves; nothing here blocks or does I/O except ReadFile.
//
//   Problems problems;
//   for (const Document& document : Load(text, {.file = "routes.yaml"}, &problems)) {
//     document.Read(&message, &problems, &source_map);
//   }
//   if (!problems.empty()) return problems.ToStatus();
#ifndef WEFT_SCHEMA_DOCUMENT_H_
#define WEFT_SCHEMA_DOCUMENT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "schema/limits.h"
#include "schema/problem.h"
#include "schema/source_map.h"
#include "schema/unsupported.h"

namespace weft::schema {

struct Tree;
struct Node;

struct Options {
  std::string file = "<input>";  // as messages name it
  Limits limits = {};
  // Fields that our .proto files leave out on purpose; must outlive the documents. Null: the built-in list of Envoy's.
  const UnsupportedFields* unsupported = nullptr;
  // Objects as Kubernetes writes them: a google.protobuf.Duration may also be "1h30m" or "500ms" (Envoy reads seconds
  // only), and messages spell fields in lowerCamelCase.
  bool unit_durations = false;
  // Full names of text fields that may also be written as a bare whole number (Kubernetes' IntOrString).
  std::vector<std::string> int_or_text = {};
};

// One document of a stream, parsed but not yet read. Immutable, any thread; shares its tree with the other documents.
class Document {
 public:
  // Fills `message` (which should be empty) by reflection. Field names may be snake_case or lowerCamelCase. Everything
  // that is wrong is added to `problems`; true when nothing was. `map` may be null. `message` is unspecified when
  // false.
  bool Read(google::protobuf::Message* message, Problems* problems, SourceMap* map = nullptr) const;

  // The text of a scalar at the top ("kind", "apiVersion") or one level below ("metadata.name"); empty when there is
  // none.
  std::string Text(std::string_view path) const;

  // Where `path` (dots only) stands, else the document's start.
  Location Find(std::string_view path) const;
  Location at() const;
  const std::string& file() const;

  // Adds a problem at the place of `path`.
  void Report(std::string path, std::string what, Problems* problems) const;

  // The elements of a top-level list `name` as documents of their own, for `kind: List`; empty when it is no list.
  std::vector<Document> Elements(std::string_view name) const;

  // As compact JSON, aliases followed. Plain scalars become what YAML 1.2 says they are.
  absl::StatusOr<std::string> ToJson() const;

  const Node& root() const { return *root_; }  // schema/ only

 private:
  friend std::vector<Document> Load(std::string_view, const Options&, Problems*);
  Document(std::shared_ptr<const Tree> tree, const Node* root) : tree_(std::move(tree)), root_(root) {}

  std::shared_ptr<const Tree> tree_;
  const Node* root_;
};

// All documents of `text`. One that does not parse is reported and left out, as are empty ones; the others are
// returned.
std::vector<Document> Load(std::string_view text, const Options& options, Problems* problems);

// Valid UTF-8 within the limit, without control characters other than tab and line ends (yaml-cpp ends the text at some
// of them); a byte order mark is removed. Reports the first offence.
bool CheckText(std::string_view* text, const Options& options, Problems* problems);

// For texts of exactly one document, such as a bootstrap. InvalidArgument carries all problems, one a line.
absl::Status ReadText(std::string_view text, const Options& options, google::protobuf::Message* message,
                      SourceMap* map = nullptr);

// The bytes of a regular file, or of standard input for "-". NotFound, PermissionDenied or InvalidArgument name the
// file.
absl::StatusOr<std::string> ReadFile(const std::string& path, const Limits& limits = {});

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_DOCUMENT_H_
