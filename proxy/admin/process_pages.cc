#include "proxy/admin/process_pages.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proxy/admin/json_page.h"
#include "proxy/admin/redact.h"
#include "proxy/telemetry/process_stats.h"
#include "schema/version.h"
#include "schema/write.h"

namespace weft::admin {
namespace {

std::string NodeJson(const Deps& deps) {
  auto node = deps.bootstrap.node();
  Redact(&node);
  auto json = schema::ToJson(node, schema::Spelling::kProto);
  return json.ok() ? *std::move(json) : "{}";
}

std::string NamesJson(const pki::CertificateFacts& facts) {
  JsonBuilder names = JsonBuilder::List();
  const auto add = [&names](std::string_view kind, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      JsonBuilder one = JsonBuilder::Object();
      one.Add(kind, value);
      names.AppendJson(one.Take());
    }
  };
  add("uri", facts.uri_sans);
  add("dns", facts.dns_sans);
  return names.Take();
}

std::string CertificateJson(const pki::CertificateFacts& facts, const CertificateInUse& use, absl::Time now) {
  JsonBuilder json = JsonBuilder::Object();
  json.Add("path", use.name);
  if (!facts.serial.empty()) json.Add("serial_number", facts.serial);
  json.AddJson("subject_alt_names", NamesJson(facts));
  const int64_t days = absl::ToInt64Hours(std::max(facts.not_after - now, absl::ZeroDuration())) / 24;
  json.Add("days_until_expiration", absl::StrCat(days));
  if (facts.not_before != absl::UnixEpoch()) json.Add("valid_from", JsonTime(absl::ToUnixMicros(facts.not_before)));
  json.Add("expiration_time", JsonTime(absl::ToUnixMicros(facts.not_after)));
  return json.Take();
}

std::string ListJson(const std::vector<pki::CertificateFacts>& all, const CertificateInUse& use, absl::Time now) {
  JsonBuilder list = JsonBuilder::List();
  for (const pki::CertificateFacts& facts : all) list.AppendJson(CertificateJson(facts, use, now));
  return list.Take();
}

}  // namespace

std::string ServerInfoJson(const Deps& deps) {
  const int64_t now = deps.clock.WallMicros();
  const std::string uptime = absl::StrCat(std::max<int64_t>(0, now - deps.started_micros) / 1'000'000, "s");
  JsonBuilder flags = JsonBuilder::Object();
  for (const auto& [name, value] : deps.command_line) flags.Add(name, value);
  JsonBuilder json = JsonBuilder::Object();
  json.Add("version", absl::StrCat("weft-proxy/", schema::kWeftVersion));
  json.Add("state", Name(deps.readiness().state));
  json.Add("hot_restart_version", "disabled");
  json.AddJson("command_line_options", flags.Take());
  json.AddJson("node", NodeJson(deps));
  json.Add("uptime_current_epoch", uptime);
  json.Add("uptime_all_epochs", uptime);
  return Indented(json.Take());
}

std::string CertsJson(const Deps& deps) {
  const absl::Time now = absl::FromUnixMicros(deps.clock.WallMicros());
  JsonBuilder list = JsonBuilder::List();
  for (const CertificateInUse& use : deps.certificates()) {
    JsonBuilder one = JsonBuilder::Object();
    one.AddJson("ca_cert", ListJson(use.roots, use, now));
    one.AddJson("cert_chain", ListJson(use.chain, use, now));
    list.AppendJson(one.Take());
  }
  JsonBuilder json = JsonBuilder::Object();
  json.AddJson("certificates", list.Take());
  return Indented(json.Take());
}

std::string MemoryJson() {
  const telemetry::ProcessStats stats = telemetry::ReadProcessStats(/*with_smaps=*/true);
  JsonBuilder json = JsonBuilder::Object();
  const auto add = [&json](std::string_view name, uint64_t bytes) {
    json.Add(name, absl::StrCat(bytes));  // proto JSON writes 64-bit numbers as text
  };
  add("allocated", stats.heap_in_use_bytes);
  add("heap_size", stats.heap_in_use_bytes + stats.heap_free_bytes);
  add("pageheap_free", stats.heap_free_bytes);
  add("total_physical_bytes", stats.resident_bytes);
  add("proportional_bytes", stats.proportional_bytes);
  add("private_bytes", stats.private_bytes);
  return Indented(json.Take());
}

}  // namespace weft::admin
