// Runs nftables commands in this process's network namespace through libnftables, which is loaded only here and only
// now: a proxy that carries traffic never maps it, nor what it drags in. Main thread only.
#ifndef WEFT_PROXY_CAPTURE_NFTABLES_H_
#define WEFT_PROXY_CAPTURE_NFTABLES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::capture {

// All of `commands` or none (one transaction). FailedPrecondition: no library, or a kernel without what the rules need;
// PermissionDenied: no CAP_NET_ADMIN here. Each message says what to do.
absl::Status RunNftables(const std::string& commands);

// The table of this family ("inet", "ip") as nft prints it; "" when there is none. Fails as RunNftables().
absl::StatusOr<std::string> ListTable(const std::string& family, const std::string& name);

}  // namespace weft::capture

#endif  // WEFT_PROXY_CAPTURE_NFTABLES_H_
