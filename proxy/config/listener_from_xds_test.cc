// Listeners, their filters and TLS contexts.
#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/config/from_xds_test_text.h"

namespace weft::config {
namespace {

using envoy::config::listener::v3::Listener;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string Manager(const std::string& more, const std::string& filters = "") {
  return std::string("{") + kType +
         "filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: x, " + "http_filters: [" +
         filters + "{name: router, typed_config: {" + kType + "filters.http.router.v3.Router}}], " + more + "}";
}

constexpr char kRds[] = "rds: {route_config_name: r, config_source: {ads: {}}}";

std::string Tcp(const std::string& more) {
  return std::string("{") + kType + "filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: x, " + more + "}";
}

// A listener whose only filter has this configuration; `chain` goes beside the filters, `more` beside the chains.
std::string OneFilter(const std::string& config, const std::string& chain = "", const std::string& more = "") {
  return "{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 80}}, filter_chains: [{filters: [{name: "
         "f, "
         "typed_config: " +
         config + "}]" + chain + "}]" + more + "}";
}

HttpConnectionSpec Http(const std::string& more) {
  return *Right(&ListenerFromXds, OneFilter(Manager(more))).chains.at(0).http;
}

TEST(ListenerFromXdsTest, Defaults) {
  const ListenerSpec spec = Right(&ListenerFromXds, OneFilter(Manager(kRds)));
  EXPECT_TRUE(spec.bind_to_port);
  EXPECT_EQ(spec.first_bytes_timeout, std::chrono::seconds(15));
  const HttpConnectionSpec& http = *spec.chains.at(0).http;
  EXPECT_EQ(http.rds_name, "r");
  EXPECT_EQ(http.max_request_headers_kb, 60u);
  EXPECT_EQ(http.max_headers_count, 100u);
  EXPECT_EQ(http.stream_idle_timeout, std::chrono::minutes(5));
  EXPECT_EQ(http.idle_timeout, std::chrono::hours(1));
  EXPECT_TRUE(http.generate_request_id);
  EXPECT_FALSE(http.use_remote_address);
  EXPECT_FALSE(http.path.normalize || http.path.merge_slashes);
  EXPECT_EQ(http.path.escaped_slashes, http::PathRules::EscapedSlashes::kKeep);
  EXPECT_EQ(Right(&ListenerFromXds, OneFilter(Tcp("cluster: c"))).chains.at(0).tcp->idle_timeout,
            std::chrono::hours(1));
}

TEST(ListenerFromXdsTest, PathRules) {
  const HttpConnectionSpec http = Http(kRds + std::string(", normalize_path: true, merge_slashes: true, "
                                                          "path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT"));
  EXPECT_TRUE(http.path.normalize && http.path.merge_slashes);
  EXPECT_EQ(http.path.escaped_slashes, http::PathRules::EscapedSlashes::kUnescapeAndRedirect);
}

TEST(ListenerFromXdsTest, EverythingOfAListener) {
  const ListenerSpec spec =
      Right(&ListenerFromXds, R"yaml(
      name: inbound
      address: {socket_address: {address: 0.0.0.0, port_value: 15006}}
      additional_addresses: [{address: {socket_address: {address: "::", port_value: 15006}}}]
      use_original_dst: true
      bind_to_port: false
      transparent: true
      traffic_direction: INBOUND
      listener_filters_timeout: 0.3s
      continue_on_listener_filters_timeout: true
      metadata: {filter_metadata: {weft.dev: {service: web, namespace: shop}}}
      listener_filters:
      - {name: a, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst}}
      - {name: b, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector}}
      - {name: c, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}
      filter_chains:
      - filter_chain_match:
          destination_port: 80
          prefix_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]
          server_names: ["A.Test", "*.b.test"]
          transport_protocol: tls
          application_protocols: [weft-tcp]
          source_type: EXTERNAL
          direct_source_prefix_ranges: [{address_prefix: 10.0.0.0, prefix_len: 9}]
          source_ports: [7]
        name: first
        transport_socket_connect_timeout: 2s
        filters: [{name: t, typed_config: )yaml" +
                                  Tcp("weighted_clusters: {clusters: [{name: a, weight: 9}, {name: b, weight: 1}]}, "
                                      "idle_timeout: 0s, max_connect_attempts: 3") +
                                  R"yaml(}]
      default_filter_chain: {filters: [{name: t, typed_config: )yaml" +
                                  Tcp("cluster: c") + "}]}\n");
  EXPECT_EQ(spec.addresses.at(1).ToString(), "[::]:15006");
  EXPECT_TRUE(spec.use_original_dst && spec.transparent && spec.continue_on_first_bytes_timeout && !spec.bind_to_port);
  EXPECT_TRUE(spec.original_dst_filter && spec.http_inspector && spec.tls_inspector);
  EXPECT_EQ(spec.direction, Direction::kInbound);
  EXPECT_EQ(spec.first_bytes_timeout, std::chrono::milliseconds(300));
  EXPECT_EQ(spec.service, "web.shop");
  const FilterChainSpec& chain = spec.chains.at(0);
  EXPECT_EQ(chain.match.destination_port, 80);
  EXPECT_EQ(chain.match.destination_prefixes.at(0).length(), 8u);
  EXPECT_THAT(chain.match.server_names, ElementsAre("a.test", "*.b.test"));
  EXPECT_EQ(chain.match.source_type, FilterChainMatchSpec::SourceType::kExternal);
  EXPECT_EQ(chain.match.direct_source_prefixes.at(0).length(), 9u);
  EXPECT_EQ(chain.tls_timeout, std::chrono::seconds(2));
  EXPECT_EQ(chain.tcp->clusters.at(0).weight, 9u);
  EXPECT_EQ(chain.tcp->idle_timeout, Duration::zero());
  EXPECT_EQ(chain.tcp->max_connect_attempts, 3u);
  EXPECT_EQ(spec.default_chain->tcp->max_connect_attempts, std::nullopt);
  EXPECT_EQ(spec.default_chain->tcp->clusters.at(0).name, "c");
}

TEST(ListenerFromXdsTest, InspectorIsAddedWhereAMatchNeedsIt) {
  Findings findings;
  const auto spec = ListenerFromXds(
      Parse<Listener>(OneFilter(Tcp("cluster: c"), ", filter_chain_match: {server_names: [a.test]}")), &findings);
  EXPECT_TRUE(spec.tls_inspector);
  ASSERT_EQ(findings.notes.size(), 1u);
}

TEST(ListenerFromXdsTest, ProxyHeader) {
  const auto read = [](const std::string& more) {
    return *Right(&ListenerFromXds, OneFilter(Tcp("cluster: c"), "",
                                              ", listener_filters: [{name: p, typed_config: {" + std::string(kType) +
                                                  "filters.listener.proxy_protocol.v3.ProxyProtocol" + more + "}}]"))
                .proxy_header;
  };
  EXPECT_TRUE(read("").required && read("").version1 && read("").version2);
  EXPECT_FALSE(read(", allow_requests_without_proxy_protocol: true").required);
  EXPECT_FALSE(read(", disallowed_versions: [V1]").version1);
  EXPECT_FALSE(Right(&ListenerFromXds, OneFilter(Tcp("cluster: c"))).proxy_header.has_value());
}

TEST(ListenerFromXdsTest, WhatIsOursStandsInTheMetadataOfAChain) {
  const auto chain = [](const std::string& ours) {
    return Right(&ListenerFromXds,
                 OneFilter(Tcp("cluster: c"), ", metadata: {filter_metadata: {weft.dev: {" + ours + "}}}"))
        .chains.at(0);
  };
  using HiddenName = FilterChainMatchSpec::HiddenName;
  EXPECT_EQ(chain("").match.hidden_name, HiddenName::kAllow);
  EXPECT_EQ(chain("hidden_name: by-address").match.hidden_name, HiddenName::kByAddress);
  EXPECT_EQ(chain("preamble: postgres").preamble, Preamble::kPostgres);
  Findings findings;
  const ListenerSpec denies = ListenerFromXds(
      Parse<Listener>(OneFilter(Tcp("cluster: c"), ", metadata: {filter_metadata: {weft.dev: {hidden_name: deny}}}")),
      &findings);
  EXPECT_TRUE(findings.ok() && denies.tls_inspector);
  EXPECT_EQ(denies.chains.at(0).match.hidden_name, HiddenName::kDeny);
}

TEST(ListenerFromXdsTest, WhatIsRefused) {
  const auto wrong = [](const std::string& text) { return Wrong(&ListenerFromXds, text); };
  EXPECT_THAT(wrong("{name: l}"),
              HasSubstr("address is missing; there is neither filter_chains nor default_filter_chain"));
  EXPECT_THAT(wrong(OneFilter(Tcp("idle_timeout: 1s"))), HasSubstr("expected one of cluster, weighted_clusters"));
  EXPECT_THAT(wrong(OneFilter(Tcp("cluster: c"), ", filter_chain_match: {server_names: ['a*.test']}")),
              HasSubstr("filter_chains[0].filter_chain_match.server_names[0]: expected a name"));
  EXPECT_THAT(wrong(OneFilter(Tcp("cluster: c"), ", filter_chain_match: {address_suffix: x}")),
              HasSubstr("address_suffix: known to Envoy, not supported by Weft yet"));
  const auto proxy_header = [&](const std::string& more, const std::string& before = "") {
    return wrong(OneFilter(Tcp("cluster: c"), "",
                           ", listener_filters: [" + before + "{name: p, typed_config: {" + kType +
                               "filters.listener.proxy_protocol.v3.ProxyProtocol" + more + "}}]"));
  };
  EXPECT_THAT(
      proxy_header(", pass_through_tlvs: {match_type: INCLUDE_ALL}"),
      HasSubstr("listener_filters[0].typed_config.pass_through_tlvs: known to Envoy, not supported by Weft yet"));
  EXPECT_THAT(proxy_header(", disallowed_versions: [V1, V2]"), HasSubstr("disallowed_versions: no version is left"));
  EXPECT_THAT(proxy_header("", std::string("{name: i, typed_config: {") + kType +
                                   "filters.listener.tls_inspector.v3.TlsInspector}}, "),
              HasSubstr("listener_filters[1]: stands behind an inspector"));
  EXPECT_THAT(wrong(OneFilter(Tcp("cluster: c"), ", metadata: {filter_metadata: {weft.dev: {hidden_name: maybe}}}")),
              HasSubstr("hidden_name: expected allow, deny or by-address, found \"maybe\""));
  EXPECT_THAT(wrong(OneFilter(Tcp("cluster: c"), ", metadata: {filter_metadata: {weft.dev: {preamble: smtp}}}")),
              HasSubstr("preamble: expected postgres"));
  EXPECT_THAT(
      wrong(OneFilter(
          Manager(kRds, "{name: rbac, typed_config: {" + std::string(kType) + "filters.http.rbac.v3.RBAC}}, "))),
      HasSubstr("http_filters[0].typed_config.@type: envoy.extensions.filters.http.rbac.v3.RBAC: known to Envoy"));
  EXPECT_THAT(wrong(OneFilter(Manager(kRds + std::string(", codec_type: HTTP2")))),
              HasSubstr("codec_type: HTTP2: known"));
  const std::string twice =
      OneFilter(Tcp("cluster: c"), "}, {filters: [{name: f, typed_config: " + Tcp("cluster: d") + "}]");
  EXPECT_THAT(wrong(twice), HasSubstr("filter_chains[1]: filter_chain_match is that of filter_chains[0]"));
}

TEST(ListenerFromXdsTest, OptionalFiltersPass) {
  const std::string filter =
      std::string("{name: fault, is_optional: true, typed_config: {") + kType + "filters.http.fault.v3.HTTPFault}}, ";
  EXPECT_THAT(NotedFields(&ListenerFromXds, OneFilter(Manager(kRds, filter))),
              ElementsAre("filter_chains[0].filters[0].typed_config.http_filters[0]"));
}

TEST(ListenerFromXdsTest, AccessLogs) {
  const std::string log = std::string("{name: log, typed_config: {") + kType;
  const HttpConnectionSpec http = Http(kRds + std::string(", access_log: [") + log +
                                       "access_loggers.stream.v3.StderrAccessLog, log_format: {json_format: "
                                       "{b: '%DURATION%', a: '%PROTOCOL%'}}}}, " +
                                       log + "access_loggers.file.v3.FileAccessLog, path: /dev/stdout}}, " + log +
                                       "access_loggers.file.v3.FileAccessLog, path: /tmp/a, log_format: "
                                       "{text_format_source: {inline_string: '%PROTOCOL%'}}}}]");
  ASSERT_EQ(http.access_logs.size(), 3u);
  EXPECT_EQ(http.access_logs[0].sink, AccessLogSpec::Sink::kStderr);
  EXPECT_THAT(http.access_logs[0].json_format, ElementsAre(Pair("a", "%PROTOCOL%"), Pair("b", "%DURATION%")));
  EXPECT_EQ(http.access_logs[1].sink, AccessLogSpec::Sink::kStdout);
  EXPECT_EQ(http.access_logs[2].path, "/tmp/a");
  EXPECT_EQ(http.access_logs[2].text_format, "%PROTOCOL%");
  EXPECT_THAT(
      Wrong(&ListenerFromXds,
            OneFilter(Manager(kRds + std::string(", access_log: [") + log +
                              "access_loggers.stream.v3.StdoutAccessLog, log_format: {text_format: '%NOTHING%'}}}]"))),
      HasSubstr("access_log[0].typed_config.log_format.text_format: "));
}

// As control/compile writes it for a mesh port.
TEST(TlsFromXdsTest, MeshServer) {
  const ListenerSpec spec = Right(&ListenerFromXds, OneFilter(Tcp("cluster: c"), R"yaml(, transport_socket: {
      name: envoy.transport_sockets.tls, typed_config: {
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
      require_client_certificate: true, common_tls_context: {
        tls_params: {tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3},
        alpn_protocols: [weft-tcp],
        tls_certificate_sds_secret_configs: [{name: default, sds_config: {ads: {}, resource_api_version: V3}}],
        combined_validation_context: {
          default_validation_context: {match_typed_subject_alt_names: [{san_type: URI, matcher: {prefix: "spiffe://mesh.test/"}}]},
          validation_context_sds_secret_config: {name: ROOTCA, sds_config: {ads: {}}}}}}})yaml"));
  const DownstreamTlsSpec& context = spec.chains.at(0).tls.value();
  EXPECT_TRUE(context.require_client_certificate);
  EXPECT_EQ(context.common.parameters.min_version, TlsVersion::kTls13);
  EXPECT_EQ(context.common.certificates.at(0).sds_name, "default");
  const ValidationSpec& validation = context.common.validation.value();
  EXPECT_EQ(validation.sds_name, "ROOTCA");
  EXPECT_EQ(validation.sans.at(0).how, SanMatchSpec::How::kPrefix);
  EXPECT_EQ(validation.sans.at(0).text, "spiffe://mesh.test/");
  EXPECT_THAT(context.common.alpn, ElementsAre("weft-tcp"));
}

TEST(TlsFromXdsTest, WhatIsRefused) {
  const auto wrong = [](const std::string& validation) {
    return Wrong(&SecretFromXds, "{name: s, validation_context: {trusted_ca: {inline_string: x}, " + validation + "}}");
  };
  EXPECT_EQ(wrong("max_verify_depth: 2"), "");
  EXPECT_THAT(wrong("allow_expired_certificate: true"), HasSubstr("allow_expired_certificate: known to Envoy"));
  EXPECT_THAT(wrong("verify_certificate_hash: [ab]"), HasSubstr("verify_certificate_hash[0]: expected a SHA-256"));
  EXPECT_THAT(wrong("verify_certificate_spki: [ab]"), HasSubstr("verify_certificate_spki[0]: expected a SHA-256"));
  EXPECT_THAT(wrong("match_typed_subject_alt_names: [{matcher: {exact: a}}]"), HasSubstr("san_type: expected one of"));
  EXPECT_THAT(wrong("match_typed_subject_alt_names: [{san_type: URI}]"),
              HasSubstr("[0].matcher: expected one of exact"));
  EXPECT_THAT(Wrong(&SecretFromXds, "{name: s, tls_certificate: {certificate_chain: {inline_string: x}}}"),
              HasSubstr("private_key is missing"));
  const auto cluster = [](const std::string& context) {
    return Wrong(&ClusterFromXds, std::string("{name: c, transport_socket: {name: t, typed_config: {") + kType +
                                      "transport_sockets.tls.v3.UpstreamTlsContext, " + context + "}}}");
  };
  EXPECT_THAT(cluster("common_tls_context: {tls_params: {tls_minimum_protocol_version: TLSv1_1}}"),
              HasSubstr("TLS before 1.2"));
  EXPECT_THAT(cluster("common_tls_context: {validation_context: {match_typed_subject_alt_names: [{san_type: URI, "
                      "matcher: {exact: a}}]}}"),
              HasSubstr("names to match without trusted_ca"));
  EXPECT_THAT(cluster("auto_sni_san_validation: true"), HasSubstr("there is no validation context"));
  EXPECT_THAT(cluster("auto_sni_san_validation: true, common_tls_context: {validation_context: {trusted_ca: "
                      "{inline_string: x}}}"),
              HasSubstr("there is no SNI to check"));
  const auto certificate = [](const std::string& fields) {
    return Wrong(&SecretFromXds, "{name: s, tls_certificate: {certificate_chain: {inline_string: x}, " + fields + "}}");
  };
  const std::string signer =
      "private_key_provider: {typed_config: {\"@type\": type.googleapis.com/weft.v1.UnixSigner, path: ";
  EXPECT_EQ(certificate(signer + "/run/s}}"), "");
  EXPECT_THAT(certificate(signer + std::string(108, 'x') + "}}"), HasSubstr("expected the path of a unix socket"));
  EXPECT_THAT(certificate(signer + "/run/s}}, private_key: {inline_string: x}"), HasSubstr("both private_key and"));
  EXPECT_THAT(Wrong(&SecretFromXds, "{name: s, session_ticket_keys: {}}"), HasSubstr("keys of 80 bytes"));
}

TEST(TlsFromXdsTest, SessionsStaplesAndRevocation) {
  const ListenerSpec spec = Right(&ListenerFromXds, OneFilter(Tcp("cluster: c"), R"yaml(, transport_socket: {
      name: envoy.transport_sockets.tls, typed_config: {
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
      session_timeout: 60s, ocsp_staple_policy: STRICT_STAPLING,
      session_ticket_keys: {keys: [{filename: /new}, {inline_bytes: AAAA}]},
      common_tls_context: {
        tls_certificates: [{certificate_chain: {inline_string: a}, ocsp_staple: {filename: /ocsp},
          private_key_provider: {typed_config: {"@type": type.googleapis.com/weft.v1.UnixSigner, path: /s}}}],
        validation_context: {trusted_ca: {inline_string: b}, crl: {filename: /crl},
                             only_verify_leaf_cert_crl: true}}}})yaml"));
  const DownstreamTlsSpec& context = spec.chains.at(0).tls.value();
  EXPECT_EQ(context.session_timeout, std::chrono::seconds(60));
  EXPECT_EQ(context.ocsp_policy, OcspPolicy::kStrict);
  EXPECT_EQ(context.common.ticket_keys.at(0).file, "/new");
  EXPECT_EQ(context.common.ticket_keys.at(1).bytes, std::string(3, '\0'));
  const CertificateSpec& certificate = context.common.certificates.at(0);
  EXPECT_EQ(certificate.ocsp_file, "/ocsp");
  EXPECT_EQ(certificate.signer.value().socket_path, "/s");
  EXPECT_EQ(certificate.signer.value().timeout, std::chrono::seconds(1));
  EXPECT_EQ(context.common.validation.value().crl_file, "/crl");
  EXPECT_TRUE(context.common.validation.value().only_leaf_crl);
}

}  // namespace
}  // namespace weft::config
