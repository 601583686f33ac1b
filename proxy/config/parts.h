// The conversions of parts of a resource, one group for each file. `place` is the message's own field. Private to the
// conversions.
#ifndef WEFT_PROXY_CONFIG_PARTS_H_
#define WEFT_PROXY_CONFIG_PARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "envoy/config/accesslog/v3/accesslog.pb.h"
#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "google/protobuf/map.h"
#include "google/protobuf/repeated_field.h"
#include "proxy/config/place.h"
#include "proxy/config/spec.h"

namespace weft::config {

// http_from_xds.cc
HttpConnectionSpec HttpFromXds(
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& message,
    const Place& place);

// listener_filters_from_xds.cc
void ListenerFilterFromXds(const envoy::config::listener::v3::ListenerFilter& filter, const Place& place,
                           ListenerSpec* spec);
// Envoy adds the TLS inspector as well when a match can only be answered with it.
void InspectIfNeeded(const Place& place, ListenerSpec* spec);

// tcp_from_xds.cc
TcpProxySpec TcpFromXds(const envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy& message,
                        const Place& place);

// access_log_from_xds.cc: the list `access_log` of `parent`.
std::vector<AccessLogSpec> AccessLogsFromXds(
    const google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>& logs, const Place& parent);

// route_from_xds.cc, route_action_from_xds.cc, match_from_xds.cc, header_changes_from_xds.cc
RouteTableSpec RouteTableFromXds(const envoy::config::route::v3::RouteConfiguration& message, const Place& place);
// The one of the oneof `action` that is set.
decltype(RouteSpec::action) ActionFromXds(const envoy::config::route::v3::Route& message, const Place& place);
RouteMatchSpec MatchFromXds(const envoy::config::route::v3::RouteMatch& message, const Place& place);
// The lists `field`_to_add and `field`_to_remove of `parent`, such as request_headers.
HeaderChangesSpec HeaderChangesFromXds(
    const google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>& add,
    const google::protobuf::RepeatedPtrField<std::string>& remove, const Place& parent, const std::string& field);
// Settings of filters that we do not have; optional and disabled ones pass.
void CheckPerFilterConfig(const google::protobuf::Map<std::string, google::protobuf::Any>& configs,
                          const Place& parent);

// tls_from_xds.cc. None: plain (raw_buffer, or a problem).
std::optional<DownstreamTlsSpec> DownstreamTlsFromXds(const envoy::config::core::v3::TransportSocket& socket,
                                                      const Place& place);
std::optional<UpstreamTlsSpec> UpstreamTlsFromXds(const envoy::config::core::v3::TransportSocket& socket,
                                                  const Place& place);

// proxy_header_from_xds.cc: `tls` and `proxy_header`.
void ClusterSocketFromXds(const envoy::config::core::v3::TransportSocket& socket, const Place& place,
                          ClusterSpec* spec);

// endpoints_from_xds.cc. With `names`, addresses may be host names (STRICT_DNS).
std::vector<HostSpec> HostsFromXds(const envoy::config::endpoint::v3::ClusterLoadAssignment& message, bool names,
                                   const Place& place);

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_PARTS_H_
