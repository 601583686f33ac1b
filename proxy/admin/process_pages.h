// The pages that tell of this process: /server_info, /certs, /memory. JSON with Envoy's names. Main thread.
#ifndef WEFT_PROXY_ADMIN_PROCESS_PAGES_H_
#define WEFT_PROXY_ADMIN_PROCESS_PAGES_H_

#include <string>

#include "proxy/admin/deps.h"

namespace weft::admin {

std::string ServerInfoJson(const Deps& deps);  // envoy.admin.v3.ServerInfo
std::string CertsJson(const Deps& deps);       // envoy.admin.v3.Certificates
std::string MemoryJson();                      // envoy.admin.v3.Memory, and what the kernel says

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_PROCESS_PAGES_H_
