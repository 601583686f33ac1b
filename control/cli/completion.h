// Completion scripts, made from the same flags and commands that the program parses.
#ifndef WEFT_CONTROL_CLI_COMPLETION_H_
#define WEFT_CONTROL_CLI_COMPLETION_H_

#include <string>

namespace weft::cli {

// `shell` is bash, zsh or fish.
std::string CompletionScript(const std::string& shell);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_COMPLETION_H_
