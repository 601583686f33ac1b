#include "proxy/telemetry/process_stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "proxy/base/parse_number.h"

namespace weft::telemetry {
namespace {

std::string ReadSmall(const char* path) {
  std::string text;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[4096];
  for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(got));
  close(fd);
  return text;
}

// The number of kilobytes behind "\nName:" in bytes, or the bare number where there is no unit.
uint64_t Field(const std::string& text, std::string_view name) {
  const std::string wanted = "\n" + std::string(name) + ":";
  size_t at = text.find(wanted);
  if (at == std::string::npos) return 0;
  at = text.find_first_not_of(" \t", at + wanted.size());
  if (at == std::string::npos) return 0;
  const size_t end = text.find_first_not_of("0123456789", at);
  const auto number = base::ParseNumber<uint64_t>(std::string_view(text).substr(at, end - at));
  const bool kilobytes = text.compare(end == std::string::npos ? text.size() : end, 3, " kB") == 0;
  return number.value_or(0) * (kilobytes ? 1024 : 1);
}

uint64_t CountDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] != '.';
  closedir(folder);
  return count - 1;  // the one that reads them
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessStats ReadProcessStats(bool with_smaps) {
  ProcessStats stats;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    stats.cpu_user_seconds = Seconds(usage.ru_utime);
    stats.cpu_system_seconds = Seconds(usage.ru_stime);
  }
  const std::string status = ReadSmall("/proc/self/status");
  stats.resident_bytes = Field(status, "VmRSS");
  stats.virtual_bytes = Field(status, "VmSize");
  stats.threads = Field(status, "Threads");
  if (with_smaps) {
    const std::string rollup = ReadSmall("/proc/self/smaps_rollup");
    stats.proportional_bytes = Field(rollup, "Pss");
    stats.private_bytes = Field(rollup, "Private_Clean") + Field(rollup, "Private_Dirty");
  }
  stats.open_descriptors = CountDescriptors();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_descriptors = limit.rlim_cur;
#if defined(__GLIBC__)
  const struct mallinfo2 heap = mallinfo2();
  stats.heap_in_use_bytes = heap.uordblks + heap.hblkhd;
  stats.heap_free_bytes = heap.fordblks;
#endif
  return stats;
}

void AddProcessStats(Page& page) {
  const ProcessStats stats = ReadProcessStats(false);
  const auto number = [](uint64_t value) { return static_cast<double>(value); };
  constexpr std::string_view kCpu = "Processor time used by this process.";
  page.Counter("process_cpu_seconds_total", kCpu, {{"mode", "user"}}, stats.cpu_user_seconds);
  page.Counter("process_cpu_seconds_total", kCpu, {{"mode", "system"}}, stats.cpu_system_seconds);
  page.Gauge("process_resident_memory_bytes", "Resident memory.", {}, number(stats.resident_bytes));
  page.Gauge("process_virtual_memory_bytes", "Address space.", {}, number(stats.virtual_bytes));
  page.Gauge("process_heap_bytes", "Memory of the heap that is in use.", {}, number(stats.heap_in_use_bytes));
  page.Gauge("process_threads", "Threads.", {}, number(stats.threads));
  page.Gauge("process_open_fds", "Open descriptors.", {}, number(stats.open_descriptors));
  page.Gauge("process_max_fds", "Limit of open descriptors.", {}, number(stats.max_descriptors));
}

}  // namespace weft::telemetry
