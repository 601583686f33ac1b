#include "schema/document.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "schema/json.h"
#include "schema/reader.h"
#include "schema/text.h"
#include "schema/tree.h"

namespace weft::schema {
namespace {

// The node at a path of names and dots, with the place of its key; null when there is none.
const Node::Entry* Lookup(const Node& root, std::string_view path) {
  const Node* node = &Follow(root);
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    const Node::Entry* found = nullptr;
    if (node->kind != Node::Kind::kMapping) return nullptr;
    for (const Node::Entry& entry : node->entries) {
      if (found == nullptr && Follow(*entry.key).text == name) found = &entry;
    }
    if (found == nullptr || dot == path.npos) return found;
    node = &Follow(*found->value);
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

bool Document::Read(google::protobuf::Message* message, Problems* problems, SourceMap* map) const {
  const size_t before = problems->total();
  if (map != nullptr) *map = SourceMap(file(), at());
  Reader(tree_->options, problems, map).ReadMessage(*root_, message);
  return problems->total() == before;
}

std::string Document::Text(std::string_view path) const {
  const Node::Entry* entry = Lookup(*root_, path);
  if (entry == nullptr) return "";
  const Node& value = Follow(*entry->value);
  return value.kind == Node::Kind::kScalar ? value.text : "";
}

Location Document::Find(std::string_view path) const {
  while (!path.empty()) {
    if (const Node::Entry* entry = Lookup(*root_, path)) return entry->key->at;
    const size_t dot = path.rfind('.');
    path = path.substr(0, dot == path.npos ? 0 : dot);
  }
  return at();
}

Location Document::at() const { return root_->at; }

const std::string& Document::file() const { return tree_->options.file; }

void Document::Report(std::string path, std::string what, Problems* problems) const {
  const Location place = Find(path);
  problems->Add({.file = file(), .at = place, .field = std::move(path), .what = std::move(what)});
}

std::vector<Document> Document::Elements(std::string_view name) const {
  std::vector<Document> out;
  const Node::Entry* entry = Lookup(*root_, name);
  if (entry == nullptr) return out;
  for (const Node* item : Follow(*entry->value).items) out.push_back(Document(tree_, item));
  return out;
}

absl::StatusOr<std::string> Document::ToJson() const { return NodeToJson(*root_, tree_->options.limits); }

std::vector<Document> Load(std::string_view text, const Options& options, Problems* problems) {
  auto tree = std::make_shared<Tree>();
  tree->options = options;
  if (tree->options.unsupported == nullptr) tree->options.unsupported = &UnsupportedFields::OfEnvoy();
  if (!CheckText(&text, tree->options, problems)) return {};
  const std::string joined = JoinSurrogates(text);
  size_t chunks = 0;
  for (const Chunk& chunk : SplitChunks(joined)) {
    if (++chunks > options.limits.max_documents) {
      problems->Add({.file = options.file,
                     .at = {chunk.first_line, 1},

                     .what = absl::StrCat("more than ", options.limits.max_documents, " documents; split the file")});
      break;
    }
    ParseChunk(chunk.text, chunk.first_line, tree.get(), problems);
  }
  std::vector<Document> out;
  for (const Node* root : tree->roots) out.push_back(Document(tree, root));
  return out;
}

absl::Status ReadText(std::string_view text, const Options& options, google::protobuf::Message* message,
                      SourceMap* map) {
  Problems problems(options.limits.max_problems);
  const std::vector<Document> documents = Load(text, options, &problems);
  if (documents.size() > 1) {
    documents[1].Report("", "a second document; expected one", &problems);
  } else if (documents.size() == 1) {
    documents[0].Read(message, &problems, map);
  } else if (problems.empty()) {
    problems.Add({.file = options.file,
                  .at = {1, 1},

                  .what = absl::StrCat("nothing is written here; expected a ", message->GetDescriptor()->full_name())});
  }
  return problems.ToStatus();
}

}  // namespace weft::schema
