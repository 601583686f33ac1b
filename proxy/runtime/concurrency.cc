// DefaultConcurrency(): how many workers the container's CPU limit pays for.
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "proxy/base/parse_number.h"
#include "proxy/runtime/worker.h"

namespace weft::runtime {
namespace {

std::optional<std::string> ReadFirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

// The path of this process in a cgroup hierarchy: "" is the v2 (unified) one, "cpu" the v1 controller.
std::optional<std::string> CgroupPath(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    std::string name;
    if (controller.empty() && second == first + 1) return line.substr(second + 1);
    while (std::getline(names, name, ',')) {
      if (!controller.empty() && name == controller) return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

std::optional<double> Quota(const std::string& quota_text, const std::string& period_text) {
  const auto quota = base::ParseNumber<int64_t>(quota_text);
  const auto period = base::ParseNumber<int64_t>(period_text);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> CgroupV2Cpus() {
  auto path = CgroupPath("");
  if (!path) return std::nullopt;
  std::optional<double> lowest;
  for (std::string group = *path;; group.resize(group.rfind('/'))) {  // a limit may stand on any ancestor
    const std::string folder = "/sys/fs/cgroup" + (group == "/" ? "" : group);
    if (auto line = ReadFirstLine(folder + "/cpu.max")) {
      std::istringstream words(*line);
      std::string quota, period;
      words >> quota >> period;
      if (auto cpus = Quota(quota, period)) lowest = std::min(lowest.value_or(*cpus), *cpus);
    }
    if (group.empty() || group.rfind('/') == std::string::npos) break;
  }
  return lowest;
}

std::optional<double> CgroupV1Cpus() {
  auto path = CgroupPath("cpu");
  if (!path) return std::nullopt;
  for (const std::string& folder : {"/sys/fs/cgroup/cpu" + *path, std::string("/sys/fs/cgroup/cpu")}) {
    auto quota = ReadFirstLine(folder + "/cpu.cfs_quota_us");
    auto period = ReadFirstLine(folder + "/cpu.cfs_period_us");
    if (quota && period) return Quota(*quota, *period);
  }
  return std::nullopt;
}

}  // namespace

int DefaultConcurrency() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  int cpus = 1;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) cpus = std::max(1, CPU_COUNT(&allowed));
  std::optional<double> limit = CgroupV2Cpus();
  if (!limit) limit = CgroupV1Cpus();
  if (!limit) return std::min(2, cpus);
  return std::clamp(static_cast<int>(std::ceil(*limit)), 1, cpus);
}

}  // namespace weft::runtime
