#include "schema/tree.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "schema/view.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace weft::schema {
namespace {

// Stands behind each chunk as a comment: yaml-cpp ends a quoted text at the end of the input without a word, and then
// this is in it. No text holds these characters (CheckText).
constexpr std::string_view kEnd = "\n#\x01 end of the text \x02\n";
constexpr std::string_view kEndMark = "\x01 end of the text \x02";

constexpr std::string_view kYamlTag = "tag:yaml.org,2002:";

// Leaves yaml-cpp, which has no other way for an event handler to stop it; caught in ParseChunk.
struct Stop : std::exception {
  Stop(Location where, std::string text) : at(where), what_text(std::move(text)) {}
  const char* what() const noexcept override { return what_text.c_str(); }
  Location at;
  std::string what_text;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(Tree* tree, int first_line, int last_line) : tree_(tree), first_line_(first_line), last_line_(last_line) {}

  const Node* root() const { return root_; }
  const Node* innermost() const { return open_.empty() ? nullptr : open_.back().node; }  // of what is not ended yet

  // What yaml-cpp finds in the text that kEnd added stands at the last line.
  Location At(const YAML::Mark& mark) const {
    if (mark.is_null()) return {first_line_, 1};
    return {std::min(mark.line + first_line_, last_line_), mark.column + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_ != nullptr) throw Stop(At(mark), "something follows the end of the document; separate documents by ---");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node& node = Make(Node::Kind::kScalar, mark, anchor);
    node.plain = true;
    node.text = "null";
    Place(node);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Stop(At(mark), "this alias has no anchor");
    for (const Open& open : open_) {
      if (open.node == found->second) throw Stop(At(mark), "this alias stands inside its own anchor");
    }
    Node& node = Make(Node::Kind::kAlias, mark, 0);
    node.target = &Follow(*found->second);
    Place(node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node& node = Make(Node::Kind::kScalar, mark, anchor);
    node.text = value;
    if (value.find(kEndMark) != value.npos) throw Stop(At(mark), "this quote is never closed");
    std::string_view type = tag;
    if (type.substr(0, kYamlTag.size()) == kYamlTag) type.remove_prefix(kYamlTag.size());
    if (type == "?" || type.empty() || type == "int" || type == "float" || type == "bool" || type == "null") {
      node.plain = true;
    } else if (type != "!" && type != "str" && type != "binary" && type != "timestamp") {
      throw Stop(At(mark), absl::StrCat("the tag ", Quoted(tag), " is not supported; remove it"));
    }
    Place(node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag, "seq");
    Begin(Make(Node::Kind::kSequence, mark, anchor));
  }
  void OnSequenceEnd() override { End(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag, "map");
    Begin(Make(Node::Kind::kMapping, mark, anchor));
  }
  void OnMapEnd() override { End(); }

 private:
  struct Open {
    Node* node;
    const Node* key = nullptr;  // of a mapping whose value is still to come
  };

  void CheckTag(const YAML::Mark& mark, const std::string& tag, std::string_view allowed) {
    if (tag.empty() || tag == "?" || tag == "!" || tag == absl::StrCat(View(kYamlTag), View(allowed))) return;
    throw Stop(At(mark), absl::StrCat("the tag ", Quoted(tag), " is not supported; remove it"));
  }

  Node& Make(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Limits& limits = tree_->options.limits;
    if (tree_->nodes.size() >= limits.max_nodes) {
      throw Stop(At(mark), absl::StrCat("more than ", limits.max_nodes, " values in one file; split it"));
    }
    Node& node = tree_->nodes.emplace_back();
    node.kind = kind;
    node.at = At(mark);
    if (anchor != 0) anchors_[anchor] = &node;
    return node;
  }

  // Puts a node where the text has it: root, element, key or value.
  void Place(Node& node) {
    if (open_.empty()) {
      root_ = &node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == Node::Kind::kSequence) {
      parent.node->items.push_back(&node);
    } else if (parent.key == nullptr) {
      parent.key = &node;
    } else {
      parent.node->entries.push_back({parent.key, &node});
      parent.key = nullptr;
    }
  }

  void Begin(Node& node) {
    if (open_.size() >= tree_->options.limits.max_depth) {
      throw Stop(node.at, absl::StrCat("nested deeper than ", tree_->options.limits.max_depth, " levels"));
    }
    Place(node);
    open_.push_back({&node});
  }

  void End() {
    if (!open_.empty()) open_.pop_back();
  }

  Tree* tree_;
  int first_line_;
  int last_line_;
  const Node* root_ = nullptr;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, const Node*> anchors_;
};

// Whether a tab indents line `line` (from 1) of the chunk: yaml-cpp's message about it is hard to understand.
bool TabIndents(std::string_view chunk, int line) {
  while (--line > 0) {
    const size_t end = chunk.find('\n');
    if (end == chunk.npos) return false;
    chunk.remove_prefix(end + 1);
  }
  const size_t first = chunk.find_first_not_of(' ');
  return first != chunk.npos && chunk[first] == '\t';
}

// What yaml-cpp says, some lines later, of a bracket that was not closed.
bool MeansOpenBracket(const YAML::Exception& error) {
  return error.msg == YAML::ErrorMsg::BLOCK_ENTRY || error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW ||
         error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW;
}

// Where the outermost bracket was opened that is still open at the end of `text`, a part of a chunk. Where text of
// several lines
// (`|`) holds brackets it may be wrong, and where all of the text stands in brackets, as in JSON, it says nothing.
std::optional<Location> OpenBracket(std::string_view text) {
  std::vector<Location> open;
  Location at{1, 0};
  char before = '\n';  // the last character that is no space
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    ++at.column;
    const bool begins = !open.empty() || before == '\n' || before == '-' || before == ':';
    if (quote != 0) {
      if (c == quote) quote = 0;
      if (c == '\\' && quote == '"') ++i, ++at.column;
    } else if ((c == '"' || c == '\'') && begins) {
      quote = c;
    } else if (c == '#' && i > 0 && absl::ascii_isspace(static_cast<unsigned char>(text[i - 1]))) {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else if ((c == '[' || c == '{') && begins) {
      open.push_back(at);
    } else if ((c == ']' || c == '}') && !open.empty()) {
      open.pop_back();
    }
    if (c == '\n') at = {at.line + 1, 0};
    if (c != ' ') before = c;
  }
  if (open.empty() || open.front() == Location{1, 1}) return std::nullopt;
  return open.front();
}

std::string_view FirstLines(std::string_view text, int count) {
  size_t end = 0;
  while (count-- > 0 && end < text.size()) end = std::min(text.find('\n', end), text.size() - 1) + 1;
  return text.substr(0, end);
}

std::string Explain(const YAML::Exception& error, std::string_view chunk) {
  if (!error.mark.is_null() && TabIndents(chunk, error.mark.line + 1)) {
    return "not valid YAML: a tab indents this line; use spaces";
  }
  return absl::StrCat("not valid YAML or JSON: ", error.msg);
}

}  // namespace

void ParseChunk(std::string_view chunk, int first_line, Tree* tree, Problems* problems) {
  const int last_line = first_line + static_cast<int>(std::count(chunk.begin(), chunk.end(), '\n'));
  Builder builder(tree, first_line, last_line);
  Problem problem{.file = tree->options.file, .at = {first_line, 1}};
  try {
    std::istringstream input(std::string(chunk).append(kEnd));
    YAML::Parser parser(input);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    problem.at = stop.at;
    problem.what = stop.what();
  } catch (const YAML::Exception& error) {
    problem.at = builder.At(error.mark);
    problem.what = Explain(error, chunk);
    if (error.mark.line + first_line > last_line && builder.innermost() != nullptr) {
      problem.at = builder.innermost()->at;
      problem.what = "what begins here is not ended";
    } else if (const auto open = OpenBracket(FirstLines(chunk, error.mark.line)); open && MeansOpenBracket(error)) {
      problem.what = absl::StrCat("what begins here is not closed before line ", problem.at.line);
      problem.at = {open->line - 1 + first_line, open->column};
    }
  } catch (const std::exception& error) {  // yaml-cpp may also run out of memory or of a std::string's length
    problem.what = absl::StrCat("not valid YAML or JSON: ", error.what());
  }
  if (!problem.what.empty()) {
    problems->Add(std::move(problem));
    return;
  }
  const Node* root = builder.root();
  if (root == nullptr) return;
  if (root->kind == Node::Kind::kScalar && root->plain && root->text == "null") return;
  tree->roots.push_back(root);
}

}  // namespace weft::schema
