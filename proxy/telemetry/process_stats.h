// What the operating system says of this process, for the metrics page and /memory. Reads /proc. Any thread.
#ifndef WEFT_PROXY_TELEMETRY_PROCESS_STATS_H_
#define WEFT_PROXY_TELEMETRY_PROCESS_STATS_H_

#include <cstdint>

#include "proxy/telemetry/page.h"

namespace weft::telemetry {

// What could not be read is 0.
struct ProcessStats {
  double cpu_user_seconds = 0;
  double cpu_system_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t proportional_bytes = 0;  // PSS: shared pages divided among those who share them
  uint64_t private_bytes = 0;
  uint64_t threads = 0;
  uint64_t open_descriptors = 0;
  uint64_t max_descriptors = 0;
  uint64_t heap_in_use_bytes = 0;
  uint64_t heap_free_bytes = 0;
};

// `with_smaps` also fills proportional_bytes and private_bytes, which costs the kernel a walk over all pages.
ProcessStats ReadProcessStats(bool with_smaps);

void AddProcessStats(Page& page);

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_PROCESS_STATS_H_
