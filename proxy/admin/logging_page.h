// The page /logging: shows and changes the levels of the proxy's own log. Main thread.
#ifndef WEFT_PROXY_ADMIN_LOGGING_PAGE_H_
#define WEFT_PROXY_ADMIN_LOGGING_PAGE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weft::admin {

// `query`: "", "level=debug", "http=trace", "paths=http:trace,xds:debug", or several joined by "&". Changes all or
// nothing; InvalidArgument names the word that is not known, and those that are.
absl::Status ChangeLogLevels(std::string_view query);

std::string LogLevelsText();

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_LOGGING_PAGE_H_
