// Objects as users write them → plain values, with every check that needs no other object. Pure, any thread.
#ifndef WEFT_CONTROL_SOURCE_CONVERT_H_
#define WEFT_CONTROL_SOURCE_CONVERT_H_

#include <optional>
#include <variant>

#include "control/model/backend_tls.h"
#include "control/model/http_route.h"
#include "control/model/l4_route.h"
#include "control/model/policy.h"
#include "control/model/service.h"
#include "control/source/findings.h"
#include "control/source/manifest.h"
#include "gateway/v1/backend_tls_policy.pb.h"
#include "gateway/v1/http_route.pb.h"
#include "gateway/v1/l4_routes.pb.h"
#include "weft/v1/objects.pb.h"

namespace weft::control::source {

using ModelObject =
    std::variant<model::Service, model::WorkloadEntry, model::HttpRoute, model::PeerAuthentication, model::MeshConfig,
                 model::TcpRoute, model::TlsRoute, model::BackendTlsPolicy, model::ConfigMap>;

// None when something is wrong, which `findings` then names. The meta has name, labels and annotations; versions and
// dates are of the store.
std::optional<ModelObject> Convert(const Input& input, Findings& findings);

// One for each kind; what is wrong goes into `checker`, and the value is then not to be used.
model::Service ServiceFrom(const weft::v1::Service& from, Checker& checker);
model::WorkloadEntry WorkloadFrom(const weft::v1::WorkloadEntry& from, Checker& checker);
model::HttpRoute RouteFrom(const gateway::v1::HTTPRoute& from, Checker& checker);
model::TcpRoute TcpRouteFrom(const gateway::v1::TCPRoute& from, Checker& checker);
model::TlsRoute TlsRouteFrom(const gateway::v1::TLSRoute& from, Checker& checker);
model::BackendTlsPolicy BackendTlsPolicyFrom(const gateway::v1::BackendTLSPolicy& from, Checker& checker);
// What it cannot use of data["ca.crt"] is no error: a ConfigMap may be for others. The value says why.
model::ConfigMap ConfigMapFrom(const weft::v1::ConfigMap& from, Checker& checker);
model::PeerAuthentication PeerAuthenticationFrom(const weft::v1::PeerAuthentication& from, Checker& checker);
model::MeshConfig MeshConfigFrom(const weft::v1::MeshConfig& from, Checker& checker);

// Names and labels of any object.
model::ObjectMeta MetaFrom(const weft::v1::ObjectMeta& from, Checker& checker);

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_CONVERT_H_
