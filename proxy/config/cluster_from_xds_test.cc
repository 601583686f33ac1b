// Clusters and endpoints.
#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/config/from_xds_test_text.h"

namespace weft::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(ClusterFromXdsTest, Defaults) {
  const ClusterSpec spec = Right(&ClusterFromXds, "{name: c}");
  EXPECT_EQ(spec.discovery, Discovery::kStatic);
  EXPECT_EQ(spec.stat_name, "c");
  EXPECT_EQ(spec.connect_timeout, std::chrono::seconds(5));
  EXPECT_EQ(spec.limits.max_connections, 1024u);
  EXPECT_EQ(spec.limits.max_retries, 3u);
  EXPECT_EQ(spec.protocol, UpstreamProtocol::kHttp1);
  EXPECT_EQ(spec.dns_refresh, std::chrono::seconds(5));
}

TEST(ClusterFromXdsTest, EverythingOfACluster) {
  const ClusterSpec spec = Right(&ClusterFromXds, R"yaml(
      name: c
      alt_stat_name: stat
      type: EDS
      eds_cluster_config: {eds_config: {ads: {}}, service_name: e}
      connect_timeout: 0.25s
      lb_policy: LEAST_REQUEST
      least_request_lb_config: {choice_count: 3}
      circuit_breakers: {thresholds: [{max_connections: 7, max_pending_requests: 8, max_requests: 9}]}
      metadata: {filter_metadata: {weft.dev: {service: web, namespace: shop}}}
      transport_socket_matches:
      - name: mesh
        match: {tlsMode: mesh}
        transport_socket:
          name: t
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
            sni: web
            common_tls_context: {validation_context: {system_root_certs: {}}}
      - {name: plain, match: {}, transport_socket: {name: envoy.transport_sockets.raw_buffer}}
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          common_http_protocol_options: {idle_timeout: 9s, max_requests_per_connection: 4}
          explicit_http_config: {http2_protocol_options: {}}
      )yaml");
  EXPECT_EQ(spec.stat_name, "stat");
  EXPECT_EQ(spec.eds_service_name, "e");
  EXPECT_EQ(spec.load_balancing, LoadBalancing::kLeastRequest);
  EXPECT_EQ(spec.least_request_choices, 3u);
  EXPECT_EQ(spec.limits.max_requests, 9u);
  EXPECT_EQ(spec.service + "|" + spec.service_namespace, "web|shop");
  EXPECT_THAT(spec.transport_matches.at(0).match, ElementsAre(Pair("tlsMode", "mesh")));
  EXPECT_EQ(spec.transport_matches.at(0).tls->sni, "web");
  EXPECT_FALSE(spec.transport_matches.at(1).tls);
  EXPECT_EQ(spec.protocol, UpstreamProtocol::kHttp2);
  EXPECT_EQ(spec.idle_timeout, std::chrono::seconds(9));
  EXPECT_EQ(spec.max_requests_per_connection, 4u);
}

TEST(ClusterFromXdsTest, HostNames) {
  const ClusterSpec spec = Right(&ClusterFromXds, R"yaml(
      name: c
      type: STRICT_DNS
      dns_lookup_family: V4_ONLY
      load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [
        {endpoint: {address: {socket_address: {address: web.test, port_value: 80}}}},
        {endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 81}}}, load_balancing_weight: 3}]}]})yaml");
  EXPECT_EQ(spec.hosts.at(0).hostname, "web.test");
  EXPECT_EQ(spec.hosts.at(0).address.port(), 80);
  EXPECT_EQ(spec.hosts.at(1).address.ToString(), "10.0.0.1:81");
  EXPECT_EQ(spec.hosts.at(1).weight, 3u);
  EXPECT_EQ(Right(&ClusterFromXds, "{name: o, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED}").discovery,
            Discovery::kOriginalDst);
}

TEST(ClusterFromXdsTest, ProxyHeaderAroundAnotherSocket) {
  const auto around = [](const std::string& config, const std::string& socket) {
    return "{name: c, transport_socket: {name: p, typed_config: {" + std::string(kType) +
           "transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, config: {" + config + "}" + socket +
           "}}}";
  };
  const std::string plain = ", transport_socket: {name: envoy.transport_sockets.raw_buffer}";
  const std::string tls = ", transport_socket: {name: t, typed_config: {" + std::string(kType) +
                          "transport_sockets.tls.v3.UpstreamTlsContext, sni: web, common_tls_context: "
                          "{validation_context: {system_root_certs: {}}}}}";
  EXPECT_EQ(Right(&ClusterFromXds, around("", plain)).proxy_header, ProxyHeaderVersion::k1);
  const ClusterSpec secured = Right(&ClusterFromXds, around("version: V2", tls));
  EXPECT_EQ(secured.proxy_header, ProxyHeaderVersion::k2);
  ASSERT_TRUE(secured.tls.has_value());
  EXPECT_EQ(secured.tls->sni, "web");
  EXPECT_EQ(Right(&ClusterFromXds, "{name: c}").proxy_header, ProxyHeaderVersion::kNone);
  EXPECT_THAT(Wrong(&ClusterFromXds, around("version: V2", "")),
              HasSubstr("transport_socket.typed_config: transport_socket is missing"));
  EXPECT_THAT(Wrong(&ClusterFromXds, around("pass_through_tlvs: {match_type: INCLUDE_ALL}", plain)),
              HasSubstr("config.pass_through_tlvs: known to Envoy, not supported by Weft yet"));
}

TEST(ClusterFromXdsTest, WhatIsRefused) {
  const auto wrong = [](const std::string& more) { return Wrong(&ClusterFromXds, "{name: c, " + more + "}"); };
  EXPECT_THAT(wrong("lb_policy: RING_HASH"),
              HasSubstr("lb_policy: RING_HASH: known to Envoy, not supported by Weft yet"));
  EXPECT_THAT(wrong("type: ORIGINAL_DST"), HasSubstr("lb_policy: expected CLUSTER_PROVIDED"));
  EXPECT_THAT(wrong("type: EDS"), HasSubstr("eds_cluster_config is missing"));
  EXPECT_THAT(wrong("type: EDS, eds_cluster_config: {eds_config: {path: /x}}"), HasSubstr("expected `ads`"));
  EXPECT_THAT(wrong("connect_timeout: 0s"), HasSubstr("connect_timeout: expected a duration above 0"));
  EXPECT_THAT(wrong("upstream_bind_config: {source_address: {address: 127.0.0.6}}"),
              HasSubstr("upstream_bind_config: known"));
  EXPECT_THAT(
      wrong("load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: "
            "{address: a.test, port_value: 1}}}}]}]}"),
      HasSubstr(
          "endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: expected an IPv4 or IPv6 address"));
}

TEST(EndpointsFromXdsTest, LabelsHealthAndPriority) {
  const EndpointsSpec spec = Right(&EndpointsFromXds, R"yaml(
      cluster_name: e
      endpoints:
      - priority: 1
        lb_endpoints:
        - endpoint: {address: {socket_address: {address: "::1", port_value: 80}}}
          health_status: DRAINING
          metadata: {filter_metadata: {
            weft.dev: {service: web, namespace: shop, version: v2, principal: "spiffe://m/ns/shop/sa/web"},
            envoy.transport_socket_match: {tlsMode: mesh}}})yaml");
  const HostSpec& host = spec.hosts.at(0);
  EXPECT_EQ(host.address.ToString(), "[::1]:80");
  EXPECT_FALSE(host.healthy);
  EXPECT_EQ(host.priority, 1u);
  EXPECT_EQ(host.service, "web.shop");
  EXPECT_EQ(host.version, "v2");
  EXPECT_EQ(host.principal, "spiffe://m/ns/shop/sa/web");
  EXPECT_THAT(host.transport_metadata, ElementsAre(Pair("tlsMode", "mesh")));
  EXPECT_THAT(Wrong(&EndpointsFromXds, "{cluster_name: e, policy: {drop_overloads: [{category: x}]}}"),
              HasSubstr("policy.drop_overloads: known"));
  EXPECT_THAT(Wrong(&EndpointsFromXds, "{endpoints: [{lb_endpoints: [{endpoint: {}, load_balancing_weight: 0}]}]}"),
              HasSubstr("load_balancing_weight: expected at least 1; "));
}

}  // namespace
}  // namespace weft::config
