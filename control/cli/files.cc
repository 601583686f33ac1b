#include "control/cli/files.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "schema/document.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

bool HasManifestName(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& directory, bool recursive) {
  std::vector<std::string> out;
  std::error_code error;
  const auto take = [&](const fs::directory_entry& entry) {
    std::error_code ignored;
    if (HasManifestName(entry.path()) && entry.is_regular_file(ignored)) out.push_back(entry.path().string());
  };
  if (recursive) {
    for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
      take(*it);
  } else {
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) take(*it);
  }
  if (error) return absl::InvalidArgumentError(absl::StrCat(directory, ": ", error.message()));
  if (out.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(directory, ": no .yaml, .yml or .json file in it"));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

absl::StatusOr<std::vector<weft::v1::Manifest>> ReadManifests(const std::vector<std::string>& paths, bool recursive) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (path != "-" && fs::is_directory(path, ignored)) {
      const absl::StatusOr<std::vector<std::string>> inside = FilesOf(path, recursive);
      if (!inside.ok()) return inside.status();
      files.insert(files.end(), inside->begin(), inside->end());
    } else {
      files.push_back(path);
    }
  }
  if (std::count(files.begin(), files.end(), "-") > 1) {
    return absl::InvalidArgumentError("standard input can be read only once");
  }
  std::vector<weft::v1::Manifest> out;
  for (const std::string& file : files) {
    absl::StatusOr<std::string> text = schema::ReadFile(file);
    if (!text.ok()) return text.status();
    const std::string name = file == "-" ? "<stdin>" : file;
    schema::Problems problems;  // a message carries UTF-8 only; all else is the server's to judge
    std::string_view view = *text;
    if (!schema::CheckText(&view, {.file = name}, &problems)) return problems.ToStatus();
    weft::v1::Manifest& manifest = out.emplace_back();
    manifest.set_file(name);
    manifest.set_text(*std::move(text));
  }
  return out;
}

}  // namespace weft::cli
