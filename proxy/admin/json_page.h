// Builds the JSON of admin pages, indented for people. Pure functions.
#ifndef WEFT_PROXY_ADMIN_JSON_PAGE_H_
#define WEFT_PROXY_ADMIN_JSON_PAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::admin {

// An object or a list that grows member by member. Values are JSON already, or text.
class JsonBuilder {
 public:
  static JsonBuilder Object() { return JsonBuilder('{', '}'); }
  static JsonBuilder List() { return JsonBuilder('[', ']'); }

  void Add(std::string_view key, std::string_view text);
  void AddNumber(std::string_view key, uint64_t number);
  void AddJson(std::string_view key, std::string_view json);
  void Append(std::string_view text);
  void AppendJson(std::string_view json);
  bool empty() const { return empty_; }
  std::string Take();

 private:
  JsonBuilder(char open, char close) : text_(1, open), close_(close) {}
  void Next();

  std::string text_;
  char close_;
  bool empty_ = true;
};

// The same JSON, one member per line.
std::string Indented(std::string_view json);

// "2026-01-31T12:00:00.000Z"
std::string JsonTime(int64_t micros_since_1970);

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_JSON_PAGE_H_
