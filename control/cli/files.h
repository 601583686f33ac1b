// The texts behind `-f`: files, directories, standard input.
#ifndef WEFT_CONTROL_CLI_FILES_H_
#define WEFT_CONTROL_CLI_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "weft/v1/control.pb.h"

namespace weft::cli {

// Reads all of `paths` in their order; of a directory its .yaml, .yml and .json files, sorted by name. An error names
// the file. A directory without such files is an error, and so is `-` twice.
absl::StatusOr<std::vector<weft::v1::Manifest>> ReadManifests(const std::vector<std::string>& paths, bool recursive);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_FILES_H_
