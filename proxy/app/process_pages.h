// What Process shows of itself: the functions behind the admin pages, and the metrics that are not the data path's.
// Main thread.
#ifndef WEFT_PROXY_APP_PROCESS_PAGES_H_
#define WEFT_PROXY_APP_PROCESS_PAGES_H_

#include "proxy/admin/deps.h"
#include "proxy/telemetry/page.h"

namespace weft::app {

class Process;

class ProcessPages {
 public:
  // The process outlives what is returned, and is started as far as its Assembler.
  static admin::Deps DepsOf(Process& process);
  static void AddMetrics(const Process& process, telemetry::Page& page);

 private:
  static std::vector<admin::CertificateInUse> Certificates(const Process& process);
  static void AddConfigMetrics(const Process& process, telemetry::Page& page);
  static void AddCertificateMetrics(const Process& process, telemetry::Page& page);
  static void AddControlPlaneMetrics(const Process& process, telemetry::Page& page);
  static void AddOwnMetrics(const Process& process, telemetry::Page& page);
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_PROCESS_PAGES_H_
