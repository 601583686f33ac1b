// The parts that listeners and clusters are put together from: HTTP connection manager, TCP proxy, TLS contexts. Values
// that differ from Envoy's defaults are set explicitly, so that weft-proxy and a stock Envoy do the same. Pure
// functions.
#ifndef WEFT_CONTROL_COMPILE_CHAINS_H_
#define WEFT_CONTROL_COMPILE_CHAINS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "control/compile/names.h"
#include "control/model/backend_tls.h"
#include "control/model/policy.h"
#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"

namespace weft::control::compile {

void FillAds(envoy::config::core::v3::ConfigSource* source);

struct HttpSettings {
  std::string stat_prefix;
  std::string route_config;  // from RDS; empty: everything goes to `cluster`
  std::string cluster;
  bool inbound = false;  // the client's certificate is told to the application (x-forwarded-client-cert)
};
void AddHttp(const HttpSettings& settings, const model::AccessLogSettings& log,
             envoy::config::listener::v3::FilterChain* chain);

// A share of the connections; weights are of at least 1.
struct WeightedCluster {
  std::string name;
  uint32_t weight = 1;

  bool operator==(const WeightedCluster&) const = default;
};

struct TcpSettings {
  std::string stat_prefix;
  std::vector<WeightedCluster> clusters;  // never empty
};
void AddTcp(const TcpSettings& settings, const model::AccessLogSettings& log,
            envoy::config::listener::v3::FilterChain* chain);

// A listener filter without settings, by its conventional name ("original_dst", "tls_inspector", "http_inspector").
envoy::config::listener::v3::ListenerFilter* AddListenerFilter(const std::string& name,
                                                               envoy::config::listener::v3::Listener* listener);

// Mutual TLS between sidecars: TLS 1.3, certificate and roots from the reserved secrets that the proxy's own identity
// fills. The server side takes any identity of the trust domain; who may call is a matter of policy.
void FillServerTls(const std::string& trust_domain, Wire wire, envoy::config::core::v3::TransportSocket* socket);
// The client side takes exactly these identities.
void FillClientTls(const std::vector<std::string>& principals, Wire wire,
                   envoy::config::core::v3::TransportSocket* socket);
// TLS of a BackendTLSPolicy towards an endpoint without a sidecar. `ca_pem` are the certificates to trust when they are
// not the system's; empty: no connection succeeds. `alpn` may be empty.
void FillBackendTls(const model::BackendTlsPolicy& policy, const std::string& ca_pem, const std::string& alpn,
                    envoy::config::core::v3::TransportSocket* socket);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_CHAINS_H_
