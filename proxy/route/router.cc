#include "proxy/route/router.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/config/snapshot.h"
#include "proxy/http/reply.h"

namespace weft::route {
namespace {

using base::FailureKind;
using Task = runtime::Task<base::Result<http::Response>>;

Task Refuse(FailureKind kind, std::string detail) {
  co_return base::Failure{kind, base::Origin::kProxy, base::Phase::kRouting, base::RetrySafety::kNever,
                          std::move(detail)};
}

void ChangeResponse(const Rule& rule, const Target* target, const http::RequestHead& request,
                    const http::Context& context, http::Headers* headers) {
  if (target != nullptr) target->response_headers.Apply(request, context, headers);
  for (const HeaderChanges& changes : rule.response_headers) changes.Apply(request, context, headers);
}

http::Response EmptyResponse(int status) {
  http::Response response;
  response.head = std::make_unique<http::Response::PooledHead>();
  response.head->status = status;
  response.head->reason = http::ReasonPhrase(status);
  response.head->has_content_length = true;
  return response;
}

Task RedirectTo(std::string location, uint16_t status, const Rule* rule, const http::RequestHead& request,
                http::Context& context) {
  http::Response response = EmptyResponse(status);
  response.head->headers.Add("location", location);
  if (rule != nullptr) ChangeResponse(*rule, nullptr, request, context, &response.head->headers);
  co_return response;
}

Task AnswerDirectly(const config::DirectResponseSpec& spec, const Rule& rule, const http::RequestHead& request,
                    http::Context& context) {
  http::Response response = EmptyResponse(spec.status);
  http::ResponseHead& head = *response.head;
  if (!spec.body.empty()) {
    head.headers.AddView("content-type", "text/plain");
    head.content_length = spec.body.size();
    if (!request.is_head()) {
      head.framing = http::Framing::kLength;
      response.body = http::MakeTextBody(spec.body);
    }
  }
  ChangeResponse(rule, nullptr, request, context, &head.headers);
  co_return response;
}

// Upgrade needs a word of the route or of the connection manager (upgrade_configs).
bool MayUpgrade(const config::ForwardSpec& spec, const config::HttpConnectionSpec& connection,
                const http::RequestHead& request) {
  const std::string_view type = request.is_connect() ? std::string_view("connect") : request.upgrade;
  for (const auto& [name, enabled] : spec.upgrades) {
    if (http::EqualsIgnoreCase(name, type)) return enabled;
  }
  return std::any_of(connection.upgrade_types.begin(), connection.upgrade_types.end(),
                     [&](const std::string& name) { return http::EqualsIgnoreCase(name, type); });
}

bool MustRedirectToTls(const VirtualHost& host, const http::Context& context) {
  using RequireTls = config::VirtualHostSpec::RequireTls;
  if (context.connection.tls || host.require_tls == RequireTls::kNone) return false;
  return host.require_tls == RequireTls::kAll || !context.connection.peer.is_loopback();
}

}  // namespace

Task Router::Call(http::Request request, http::Context& context) {
  const config::HttpChain& chain = *context.chain->http;
  if (chain.routes == nullptr)
    return Refuse(FailureKind::kNoConfig, "the routes " + chain.spec.rds_name + " have not come");
  const VirtualHost* host = chain.routes->FindHost(request.head);
  if (host == nullptr)
    return Refuse(FailureKind::kNoRoute, "no virtual host for " + std::string(request.head.authority));
  context.decision.virtual_host = host->name;
  if (MustRedirectToTls(*host, context)) {
    std::string location = "https://" + std::string(request.head.authority) + std::string(request.head.path);
    return RedirectTo(std::move(location), 301, nullptr, request.head, context);
  }
  const Rule* rule = host->Find(request.head, random_());
  if (rule == nullptr) {
    return Refuse(FailureKind::kNoRoute, "no route of " + host->name + " for " + std::string(request.head.path));
  }
  context.rule = rule;
  context.decision.route = rule->name;
  if (const auto* forward = std::get_if<Forward>(&rule->action)) return CallForward(request, context, *rule, *forward);
  if (const auto* redirect = std::get_if<Redirect>(&rule->action)) {
    return RedirectTo(RedirectLocation(redirect->spec, rule->matcher, redirect->regex, request.head),
                      redirect->spec.status, rule, request.head, context);
  }
  return AnswerDirectly(std::get<config::DirectResponseSpec>(rule->action), *rule, request.head, context);
}

Task Router::CallForward(http::Request request, http::Context& context, const Rule& rule, const Forward& forward) {
  const bool upgrades = !request.head.upgrade.empty() || request.head.is_connect();
  if (upgrades && !MayUpgrade(forward.spec, context.chain->http->spec, request.head)) {
    return Refuse(FailureKind::kUpgradeRefused, "no upgrade_config allows " + std::string(request.head.upgrade));
  }
  const Target* target = nullptr;
  if (!forward.targets.empty()) {
    const uint64_t at = forward.targets.size() == 1 ? 0 : random_() % forward.total_weight;
    target = &*std::upper_bound(forward.targets.begin(), forward.targets.end(), at,
                                [](uint64_t value, const Target& t) { return value < t.weight_up_to; });
    context.cluster_name = target->cluster;
  } else {
    context.cluster_name = request.head.headers.Get(forward.spec.cluster_header).value_or("");
  }
  context.decision.cluster = context.cluster_name;
  context.no_cluster_status = forward.spec.no_cluster_status;
  context.set_timeout(forward.spec.timeout, /*whole_request_is_here=*/request.body == nullptr);
  if (forward.spec.idle_timeout) context.set_stream_idle_timeout(*forward.spec.idle_timeout);
  // Fields first: a %REQ(:PATH)% sees the path as the client sent it.
  if (target != nullptr) target->request_headers.ApplyToRequest(&request.head, context);
  for (const HeaderChanges& changes : rule.request_headers) changes.ApplyToRequest(&request.head, context);
  RewriteRequest(forward.spec, rule.matcher, forward.regex, &request.head, &context);
  if (rule.response_headers.empty() && !forward.changes_response) return next_.Call(request, context);
  return CallAndChange(request, context, rule, target);
}

Task Router::CallAndChange(http::Request request, http::Context& context, const Rule& rule, const Target* target) {
  auto response = co_await next_.Call(request, context);
  if (response.ok()) ChangeResponse(rule, target, request.head, context, &response->head->headers);
  co_return response;
}

}  // namespace weft::route
