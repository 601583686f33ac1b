// The whole of `weft` but for main(): arguments in, exit code out. Tests call it with a server of their own.
#ifndef WEFT_CONTROL_CLI_RUN_H_
#define WEFT_CONTROL_CLI_RUN_H_

#include <string>
#include <vector>

#include "control/cli/session.h"

namespace weft::cli {

// `arguments` without the program's name.
int Run(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_RUN_H_
