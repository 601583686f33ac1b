#include "control/cli/xds_types.h"

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_ratelimit.pb.h"
#include "envoy/extensions/filters/http/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "envoy/extensions/upstreams/http/v3/http.pb.h"
#include "google/protobuf/message.h"

namespace weft::cli {
namespace {

template <typename... Messages>
void Link() {
  (google::protobuf::LinkMessageReflection<Messages>(), ...);
}

}  // namespace

// One message of a file brings all of them.
void LinkXdsTypes() {
  namespace extensions = envoy::extensions;
  namespace filters = envoy::extensions::filters;
  Link<envoy::config::cluster::v3::Cluster, envoy::config::endpoint::v3::ClusterLoadAssignment,
       envoy::config::listener::v3::Listener, envoy::config::route::v3::RouteConfiguration>();
  Link<filters::network::http_connection_manager::v3::HttpConnectionManager, filters::network::rbac::v3::RBAC,
       filters::network::tcp_proxy::v3::TcpProxy, filters::http::fault::v3::HTTPFault,
       filters::http::local_ratelimit::v3::LocalRateLimit, filters::http::rbac::v3::RBAC,
       filters::http::router::v3::Router, filters::listener::http_inspector::v3::HttpInspector,
       filters::listener::original_dst::v3::OriginalDst, filters::listener::tls_inspector::v3::TlsInspector>();
  Link<extensions::access_loggers::file::v3::FileAccessLog, extensions::access_loggers::stream::v3::StdoutAccessLog,
       extensions::transport_sockets::raw_buffer::v3::RawBuffer,
       extensions::transport_sockets::tls::v3::UpstreamTlsContext,
       extensions::upstreams::http::v3::HttpProtocolOptions>();
}

}  // namespace weft::cli
