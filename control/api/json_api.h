// The control API as JSON over HTTP.
//
//   POST /weft.v1.Control/METHOD            its request as JSON, its response as JSON (as in the Connect protocol)
//   GET  /v1/objects?kind=&namespace=&label=K=V&revision=      a List
//   GET, DELETE /v1/objects/KIND/NAMESPACE/NAME
//   POST /v1/apply?dryRun=true&file=&message=&author=          the body is YAML or JSON, as a user writes it
//   POST /v1/rollback?revision=
//   GET  /v1/watch?kind=&namespace=&fromRevision=              one event a line, without end
//   GET  /v1/log?limit=  /v1/proxies  /v1/proxies/ID/config  /v1/certificates  /v1/tokens  /v1/version
//   GET  /healthz  /readyz                                     need no token
//
// All others want `authorization: Bearer ADMIN-TOKEN`. Any thread.
#ifndef WEFT_CONTROL_API_JSON_API_H_
#define WEFT_CONTROL_API_JSON_API_H_

#include <functional>
#include <optional>

#include "control/api/access.h"
#include "control/api/http_server.h"
#include "control/api/operations.h"

namespace weft::control::api {

class JsonApi {
 public:
  // All outlive this. `ready` says why not, or nothing.
  JsonApi(const Access& access, Operations& operations, std::function<std::string()> ready);

  // For HttpServer's gate: what to answer to who may not come in, before the request's body is read.
  std::optional<HttpResponse> Admit(const HttpRequest& head) const;
  HttpResponse Handle(const HttpRequest& request);

 private:
  HttpResponse Route(const HttpRequest& request, const std::string& via);
  HttpResponse Objects(const HttpRequest& request, const std::string& via);
  HttpResponse OneObject(const HttpRequest& request, const std::string& via);
  HttpResponse Apply(const HttpRequest& request, const std::string& via);
  HttpResponse Watch(const HttpRequest& request);
  HttpResponse Method(const std::string& name, const std::string& body, const std::string& via);

  const Access& access_;
  Operations& operations_;
  const std::function<std::string()> ready_;
};

// /healthz and /readyz; none when the path is another.
std::optional<HttpResponse> HealthReply(const HttpRequest& request, const std::function<std::string()>& ready);

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_JSON_API_H_
