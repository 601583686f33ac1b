// The page /config_dump: what this proxy is configured with, section by section as Envoy writes it
// (envoy.admin.v3.ConfigDump), so that tools which read Envoy's read ours. Main thread.
#ifndef WEFT_PROXY_ADMIN_CONFIG_DUMP_H_
#define WEFT_PROXY_ADMIN_CONFIG_DUMP_H_

#include <string>

#include "proxy/admin/deps.h"

namespace weft::admin {

// Secrets are left out (redact.h). A resource that cannot be written as JSON is shown with the reason in its place.
std::string ConfigDumpJson(const Deps& deps);

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_CONFIG_DUMP_H_
