#include "proxy/admin/admin.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "proxy/admin/clusters_page.h"
#include "proxy/admin/config_dump.h"
#include "proxy/admin/logging_page.h"
#include "proxy/admin/process_pages.h"
#include "proxy/telemetry/page.h"
#include "schema/view.h"

namespace weft::admin {
namespace {

constexpr std::string_view kJson = "application/json";

Answer Text(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

Answer Json(std::string body) {
  Answer answer = Text(200, std::move(body));
  answer.content_type = kJson;
  return answer;
}

}  // namespace

const char* Name(State state) {
  switch (state) {
    case State::kPreInitializing: return "PRE_INITIALIZING";
    case State::kInitializing: return "INITIALIZING";
    case State::kLive: return "LIVE";
    case State::kDraining: return "DRAINING";
  }
  return "";
}

struct Admin::Page {
  std::string_view path;
  bool changes;    // POST only, since it changes something
  bool telemetry;  // shown on the metrics port, too
  Answer (Admin::*show)(const Query&) const;
  std::string_view about;
};

const Admin::Page Admin::kPages[] = {
    {"/", false, false, &Admin::Help, "this list"},
    {"/certs", false, false, &Admin::Certs, "certificates in use and when they end"},
    {"/clusters", false, false, &Admin::Clusters, "clusters, their endpoints, load and health"},
    {"/config_dump", false, false, &Admin::ConfigDump, "the whole configuration as JSON, private keys left out"},
    {"/drain_listeners", true, false, &Admin::DrainListeners, "stop to accept, let what has begun end (POST)"},
    {"/help", false, false, &Admin::Help, "this list"},
    {"/listeners", false, false, &Admin::Listeners, "listeners and their addresses"},
    {"/logging", true, false, &Admin::Logging,
     "levels of the log: ?level=LEVEL, ?COMPONENT=LEVEL, ?paths=A:LEVEL,B:LEVEL (POST)"},
    {"/memory", false, false, &Admin::Memory, "what this process holds"},
    {"/metrics", false, true, &Admin::Metrics, "metrics in Prometheus' text format"},
    {"/quitquitquit", true, false, &Admin::Quit, "end at once (POST)"},
    {"/ready", false, true, &Admin::Ready, "200 when this proxy can serve, else 503 and what it waits for"},
    {"/server_info", false, false, &Admin::ServerInfo, "version, state, uptime, flags"},
    {"/stats", false, true, &Admin::Metrics, "metrics in Prometheus' text format"},
    {"/stats/prometheus", false, true, &Admin::Metrics, "metrics in Prometheus' text format"},
};

const Admin::Page* Admin::FindPage(std::string_view path) {
  for (const Page& page : kPages) {
    if (page.path == path) return &page;
  }
  return nullptr;
}

Answer Admin::Handle(const Query& query) const { return Show(FindPage(query.path), query); }

Answer Admin::HandleTelemetry(const Query& query) const {
  const Page* page = FindPage(query.path);
  return Show(page != nullptr && page->telemetry ? page : nullptr, query);
}

Answer Admin::Show(const Page* page, const Query& query) const {
  if (page == nullptr) return Text(404, "no such page; / lists them\n");
  const std::string_view wanted = page->changes ? "POST" : "GET";
  if (query.method != wanted) {
    Answer answer = Text(405, absl::StrCat("only ", schema::View(wanted), " is allowed here\n"));
    answer.allow = page->changes ? "POST" : "GET, HEAD";
    return answer;
  }
  return (this->*page->show)(query);
}

Answer Admin::Help(const Query&) const {
  std::string text = "admin pages of weft-proxy:\n";
  for (const Page& page : kPages) {
    absl::StrAppend(&text, "  ", schema::View(page.path), std::string(20 - page.path.size(), ' '),
                    schema::View(page.about), "\n");
  }
  return Text(200, std::move(text));
}

Answer Admin::Ready(const Query&) const {
  const Readiness readiness = deps_.readiness();
  std::string text = absl::StrCat(Name(readiness.state), "\n");
  if (!readiness.waiting_for.empty()) absl::StrAppend(&text, "waiting for ", readiness.waiting_for, "\n");
  return Text(readiness.state == State::kLive ? 200 : 503, std::move(text));
}

Answer Admin::Metrics(const Query&) const {
  Answer answer = Text(200, deps_.metrics());
  answer.content_type = telemetry::kTextContentType;
  return answer;
}

Answer Admin::ConfigDump(const Query&) const { return Json(ConfigDumpJson(deps_)); }

Answer Admin::Clusters(const Query&) const {
  const auto snapshot = deps_.snapshot();
  return Text(200, snapshot == nullptr ? "" : ClustersText(*snapshot, deps_.resources()));
}

Answer Admin::Listeners(const Query&) const {
  const auto snapshot = deps_.snapshot();
  return Text(200, snapshot == nullptr ? "" : ListenersText(*snapshot));
}

Answer Admin::ServerInfo(const Query&) const { return Json(ServerInfoJson(deps_)); }
Answer Admin::Certs(const Query&) const { return Json(CertsJson(deps_)); }
Answer Admin::Memory(const Query&) const { return Json(MemoryJson()); }

Answer Admin::Logging(const Query& query) const {
  const absl::Status status = ChangeLogLevels(query.query);
  if (!status.ok()) return Text(400, absl::StrCat(status.message(), "\n"));
  return Text(200, LogLevelsText());
}

Answer Admin::DrainListeners(const Query&) const {
  deps_.drain_listeners();
  return Text(200, "OK\n");
}

Answer Admin::Quit(const Query&) const {
  Answer answer = Text(200, "OK\n");
  answer.finally = deps_.quit;
  return answer;
}

}  // namespace weft::admin
