// Admin: the table of the proxy's own pages, under the names that Envoy's users know. Answers a Query at once, from
// what Deps tells. Main thread. Owned by app/, which gives Handle() (all pages, for loopback) and HandleTelemetry()
// (metrics and readiness alone, for the port that Prometheus and the kubelet reach) to HttpServers.
#ifndef WEFT_PROXY_ADMIN_ADMIN_H_
#define WEFT_PROXY_ADMIN_ADMIN_H_

#include <utility>

#include "proxy/admin/deps.h"
#include "proxy/admin/http_server.h"

namespace weft::admin {

class Admin {
 public:
  explicit Admin(Deps deps) : deps_(std::move(deps)) {}

  Answer Handle(const Query& query) const;
  Answer HandleTelemetry(const Query& query) const;

 private:
  struct Page;
  static const Page kPages[];
  static const Page* FindPage(std::string_view path);
  Answer Show(const Page* page, const Query& query) const;

  Answer Help(const Query& query) const;
  Answer Ready(const Query& query) const;
  Answer Metrics(const Query& query) const;
  Answer ConfigDump(const Query& query) const;
  Answer Clusters(const Query& query) const;
  Answer ServerInfo(const Query& query) const;
  Answer Certs(const Query& query) const;
  Answer Memory(const Query& query) const;
  Answer Listeners(const Query& query) const;
  Answer Logging(const Query& query) const;
  Answer DrainListeners(const Query& query) const;
  Answer Quit(const Query& query) const;

  const Deps deps_;
};

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_ADMIN_H_
