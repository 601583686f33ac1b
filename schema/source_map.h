// Remembers on which line each field of a message was written, so that checks which run later can name it.
// Filled by Document::Read; then immutable, any thread. Owns its texts.
#ifndef WEFT_SCHEMA_SOURCE_MAP_H_
#define WEFT_SCHEMA_SOURCE_MAP_H_

#include <string>
#include <string_view>
#include <unordered_map>

#include "schema/problem.h"

namespace weft::schema {

// Paths look like `static_resources.listeners[0].metadata["weft.dev"].name`. Spelling does not matter: backendRefs
// finds what was written as backend_refs and the other way round.
class SourceMap {
 public:
  SourceMap() = default;
  SourceMap(std::string file, Location start) : file_(std::move(file)), start_(start) {}

  void Add(std::string_view path, Location at);

  // The place of `path`, else of the nearest enclosing field that was written, else of the document.
  Location Find(std::string_view path) const;

  // A problem at the place of `path`.
  Problem MakeProblem(std::string path, std::string what) const;

  const std::string& file() const { return file_; }

 private:
  std::string file_ = "<input>";
  Location start_;
  std::unordered_map<std::string, Location> places_;
};

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_SOURCE_MAP_H_
