// The sub-command `weft-proxy capture`: flags in, nftables rules out. Called by proxy/main.cc instead of everything
// else.
#ifndef WEFT_PROXY_CAPTURE_COMMAND_H_
#define WEFT_PROXY_CAPTURE_COMMAND_H_

#include <ostream>

namespace weft::capture {

// `arguments[0]` is the word "capture". Returns the exit code: 0 done, 1 refused by the machine, 2 wrong usage.
int Run(int count, const char* const* arguments, std::ostream& out, std::ostream& error);

}  // namespace weft::capture

#endif  // WEFT_PROXY_CAPTURE_COMMAND_H_
