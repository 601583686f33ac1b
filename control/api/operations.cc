#include "control/api/operations.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "control/api/stored.h"
#include "schema/problem.h"

namespace weft::control::api {
namespace {

constexpr absl::Duration kDefaultTokenTtl = absl::Hours(1);
// How long a watch may not look whether its client is still there.
constexpr absl::Duration kWatchTurn = absl::Milliseconds(500);

void FillToken(const ca::TokenRecord& from, weft::v1::TokenInfo* to) {
  to->set_id(from.id);
  to->set_identity(absl::StrCat(from.ns, "/", from.service_account));
  FillTime(from.created, to->mutable_created());
  FillTime(from.expires, to->mutable_expires());
  to->set_uses_allowed(from.uses_allowed);
  to->set_uses_taken(from.uses_taken);
  if (from.last_used != absl::InfinitePast()) FillTime(from.last_used, to->mutable_last_used());
  if (from.revoked != absl::InfiniteFuture()) FillTime(from.revoked, to->mutable_revoked());
  to->set_author(from.author);
}

absl::Status CheckKinds(const weft::v1::WatchRequest& request) {
  for (const std::string& kind : request.kinds()) {
    if (absl::StatusOr<model::ObjectKey> key = KeyFrom(kind, "", "any"); !key.ok()) return key.status();
  }
  return absl::OkStatus();
}

}  // namespace

Operations::Operations(Registry& registry, ca::JoinTokens& tokens, ca::TokenStore& token_store, Views views)
    : registry_(registry),
      tokens_(tokens),
      token_store_(token_store),
      views_(std::move(views)),
      started_(views_.now()) {}

absl::Status Operations::Apply(const std::string& via, const weft::v1::ApplyRequest& request,
                               weft::v1::ApplyResponse* response) {
  return registry_.Apply({request.author(), via}, request, views_.now(), response);
}

absl::Status Operations::Get(const std::string&, const weft::v1::GetRequest& request, weft::v1::Object* response) {
  return registry_.Get(request, response);
}

absl::Status Operations::List(const std::string&, const weft::v1::ListRequest& request,
                              weft::v1::ListResponse* response) {
  return registry_.List(request, response);
}

absl::Status Operations::Delete(const std::string& via, const weft::v1::DeleteRequest& request,
                                weft::v1::ApplyResponse* response) {
  return registry_.Delete({request.author(), via}, request, views_.now(), response);
}

absl::Status Operations::Rollback(const std::string& via, const weft::v1::RollbackRequest& request,
                                  weft::v1::ApplyResponse* response) {
  return registry_.Rollback({request.author(), via}, request, views_.now(), response);
}

absl::Status Operations::Log(const std::string&, const weft::v1::LogRequest& request, weft::v1::LogResponse* response) {
  return registry_.Log(request, response);
}

absl::Status Operations::CreateToken(const std::string& via, const weft::v1::CreateTokenRequest& request,
                                     weft::v1::CreateTokenResponse* response) {
  const absl::Duration ttl = request.has_ttl()
                                 ? absl::Seconds(request.ttl().seconds()) + absl::Nanoseconds(request.ttl().nanos())
                                 : kDefaultTokenTtl;
  const int uses = request.uses() == 0 ? 1 : request.uses();
  const std::string author = request.author().empty() ? via : absl::StrCat(request.author(), " (", via, ")");
  absl::StatusOr<ca::JoinTokens::Created> created = tokens_.Create(request.identity(), ttl, uses, author, views_.now());
  if (!created.ok()) return created.status();
  response->set_token(created->text);
  FillToken(created->record, response->mutable_info());
  return absl::OkStatus();
}

absl::Status Operations::ListTokens(const std::string&, const weft::v1::ListTokensRequest&,
                                    weft::v1::ListTokensResponse* response) {
  absl::StatusOr<std::vector<ca::TokenRecord>> records = token_store_.List();
  if (!records.ok()) return records.status();
  for (const ca::TokenRecord& record : *records) FillToken(record, response->add_tokens());
  return absl::OkStatus();
}

absl::Status Operations::RevokeToken(const std::string&, const weft::v1::RevokeTokenRequest& request,
                                     weft::v1::RevokeTokenResponse*) {
  if (request.id().empty()) return absl::InvalidArgumentError("id: is missing; `weft token list` shows it");
  return token_store_.Revoke(request.id(), views_.now());
}

absl::Status Operations::ListProxies(const std::string&, const weft::v1::ListProxiesRequest& request,
                                     weft::v1::ListProxiesResponse* response) {
  response->set_revision(registry_.world()->revision);
  views_.list_proxies(request, response);
  return absl::OkStatus();
}

absl::Status Operations::GetProxyConfig(const std::string&, const weft::v1::GetProxyConfigRequest& request,
                                        weft::v1::GetProxyConfigResponse* response) {
  if (request.id().empty()) return absl::InvalidArgumentError("id: is missing; `weft proxies` shows it");
  return views_.proxy_config(request, response);
}

absl::Status Operations::ListCertificates(const std::string&, const weft::v1::ListCertificatesRequest&,
                                          weft::v1::ListCertificatesResponse* response) {
  response->set_trust_domain(views_.trust_domain);
  views_.list_certificates(response);
  return absl::OkStatus();
}

absl::Status Operations::GetVersion(const std::string&, const weft::v1::GetVersionRequest&,
                                    weft::v1::GetVersionResponse* response) {
  response->set_version(views_.version);
  response->set_trust_domain(views_.trust_domain);
  response->set_revision(registry_.world()->revision);
  FillTime(started_, response->mutable_started());
  return absl::OkStatus();
}

absl::Status Operations::Watch(const weft::v1::WatchRequest& request,
                               const std::function<bool(const weft::v1::WatchEvent&)>& send,
                               const std::function<bool()>& stop) {
  if (absl::Status kinds = CheckKinds(request); !kinds.ok()) return kinds;
  const int64_t present = registry_.world()->revision;
  if (request.from_revision() < 0 || request.from_revision() > present) {
    return absl::OutOfRangeError(
        absl::StrCat("from_revision ", request.from_revision(), " does not exist; the newest is ", present));
  }
  int64_t after = request.from_revision();
  const auto send_all = [&](const std::vector<weft::v1::WatchEvent>& events) {
    for (const weft::v1::WatchEvent& event : events) {
      after = event.revision();
      if (!send(event)) return false;
    }
    return true;
  };
  if (after == 0 && !send_all(registry_.Present(request))) return absl::OkStatus();
  while (!stop()) {
    absl::StatusOr<std::vector<weft::v1::WatchEvent>> events = registry_.EventsAfter(after, request, kWatchTurn);
    if (!events.ok()) return events.status();
    if (!send_all(*events)) break;
  }
  return absl::OkStatus();
}

}  // namespace weft::control::api
