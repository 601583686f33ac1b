#include "control/compile/chains.h"

#include "control/compile/resource.h"
#include "envoy/config/accesslog/v3/accesslog.pb.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/util/json_util.h"

namespace weft::control::compile {
namespace {

namespace core = envoy::config::core::v3;
namespace listener = envoy::config::listener::v3;
namespace filters = envoy::extensions::filters;
namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;

// `log.format` is text, or with log.json an object from field to command.
void FillFormat(const model::AccessLogSettings& log, core::SubstitutionFormatString* format) {
  if (!log.json) {
    format->mutable_text_format_source()->set_inline_string(log.format);
    return;
  }
  if (!log.format.empty() &&
      google::protobuf::util::JsonStringToMessage(log.format, format->mutable_json_format()).ok()) {
    return;
  }
  auto& fields = *format->mutable_json_format()->mutable_fields();
  fields.clear();
  for (const auto& [key, command] :
       {std::pair("start_time", "%START_TIME%"), std::pair("method", "%REQ(:METHOD)%"),
        std::pair("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"), std::pair("protocol", "%PROTOCOL%"),
        std::pair("response_code", "%RESPONSE_CODE%"), std::pair("response_flags", "%RESPONSE_FLAGS%"),
        std::pair("bytes_received", "%BYTES_RECEIVED%"), std::pair("bytes_sent", "%BYTES_SENT%"),
        std::pair("duration", "%DURATION%"), std::pair("authority", "%REQ(:AUTHORITY)%"),
        std::pair("upstream_host", "%UPSTREAM_HOST%"), std::pair("upstream_cluster", "%UPSTREAM_CLUSTER%"),
        std::pair("route_name", "%ROUTE_NAME%"),
        std::pair("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%")}) {
    fields[key].set_string_value(command);
  }
}

template <typename Filter>
void AddAccessLog(const model::AccessLogSettings& log, Filter* filter) {
  if (!log.enabled) return;
  auto* entry = filter->add_access_log();
  const bool default_format = !log.json && log.format.empty();
  if (log.path.empty()) {
    entry->set_name("envoy.access_loggers.stdout");
    envoy::extensions::access_loggers::stream::v3::StdoutAccessLog sink;
    if (!default_format) FillFormat(log, sink.mutable_log_format());
    Pack(sink, entry->mutable_typed_config());
  } else {
    entry->set_name("envoy.access_loggers.file");
    envoy::extensions::access_loggers::file::v3::FileAccessLog sink;
    sink.set_path(log.path);
    if (!default_format) FillFormat(log, sink.mutable_log_format());
    Pack(sink, entry->mutable_typed_config());
  }
}

void FillInlineRoute(const HttpSettings& settings, envoy::config::route::v3::RouteConfiguration* routes) {
  routes->set_name(settings.cluster);
  auto* host = routes->add_virtual_hosts();
  host->set_name(settings.cluster);
  host->add_domains("*");
  auto* route = host->add_routes();
  route->set_name("default");
  route->mutable_match()->set_prefix("/");
  route->mutable_route()->set_cluster(settings.cluster);
  route->mutable_route()->mutable_timeout();  // zero: none
}

void FillCommonTls(const std::string& alpn, tls::CommonTlsContext* common) {
  common->mutable_tls_params()->set_tls_minimum_protocol_version(tls::TlsParameters::TLSv1_3);
  common->mutable_tls_params()->set_tls_maximum_protocol_version(tls::TlsParameters::TLSv1_3);
  common->add_alpn_protocols(alpn);
  auto* certificate = common->add_tls_certificate_sds_secret_configs();
  certificate->set_name("default");
  FillAds(certificate->mutable_sds_config());
  auto* roots = common->mutable_combined_validation_context()->mutable_validation_context_sds_secret_config();
  roots->set_name("ROOTCA");
  FillAds(roots->mutable_sds_config());
}

envoy::type::matcher::v3::StringMatcher* AddUriSan(tls::CommonTlsContext* common) {
  auto* san = common->mutable_combined_validation_context()
                  ->mutable_default_validation_context()
                  ->add_match_typed_subject_alt_names();
  san->set_san_type(tls::SubjectAltNameMatcher::URI);
  return san->mutable_matcher();
}

// Debian's, Ubuntu's, Alpine's and Arch's. By name, as stock Envoys do not know system_root_certs.
constexpr char kSystemRoots[] = "/etc/ssl/certs/ca-certificates.crt";

void FillNames(const std::vector<model::SubjectAltName>& names, tls::CertificateValidationContext* validation) {
  for (const model::SubjectAltName& name : names) {
    auto* san = validation->add_match_typed_subject_alt_names();
    const bool uri = name.type == model::SubjectAltName::Type::kUri;
    san->set_san_type(uri ? tls::SubjectAltNameMatcher::URI : tls::SubjectAltNameMatcher::DNS);
    san->mutable_matcher()->set_exact(name.value);
  }
}

}  // namespace

void FillAds(core::ConfigSource* source) {
  source->mutable_ads();
  source->set_resource_api_version(core::V3);
}

void AddHttp(const HttpSettings& settings, const model::AccessLogSettings& log, listener::FilterChain* chain) {
  hcm::HttpConnectionManager manager;
  manager.set_stat_prefix(settings.stat_prefix);
  manager.set_codec_type(hcm::HttpConnectionManager::AUTO);
  if (settings.route_config.empty()) {
    FillInlineRoute(settings, manager.mutable_route_config());
  } else {
    manager.mutable_rds()->set_route_config_name(settings.route_config);
    FillAds(manager.mutable_rds()->mutable_config_source());
  }
  manager.mutable_http_protocol_options()->set_accept_http_10(true);
  manager.mutable_http_protocol_options()->set_default_host_for_http_10("localhost");  // without: 400
  manager.mutable_http_protocol_options()->set_enable_trailers(true);
  manager.set_server_header_transformation(hcm::HttpConnectionManager::PASS_THROUGH);
  // Who made the request names it; a sidecar gives a name only to what has none.
  manager.mutable_generate_request_id()->set_value(true);
  manager.set_preserve_external_request_id(true);
  manager.mutable_use_remote_address()->set_value(false);
  manager.mutable_stream_idle_timeout();  // zero: a long silent stream is the application's business
  // A head that never ends holds memory; nginx gives it as long.
  manager.mutable_request_headers_timeout()->set_seconds(60);
  manager.mutable_normalize_path()->set_value(false);
  if (settings.inbound) {
    manager.set_forward_client_cert_details(hcm::HttpConnectionManager::SANITIZE_SET);
    manager.mutable_set_current_client_cert_details()->set_uri(true);
  }
  manager.add_upgrade_configs()->set_upgrade_type("websocket");
  auto* router = manager.add_http_filters();
  router->set_name("envoy.filters.http.router");
  filters::http::router::v3::Router router_settings;
  router_settings.set_suppress_envoy_headers(true);
  Pack(router_settings, router->mutable_typed_config());
  AddAccessLog(log, &manager);

  auto* filter = chain->add_filters();
  filter->set_name("envoy.filters.network.http_connection_manager");
  Pack(manager, filter->mutable_typed_config());
}

void AddTcp(const TcpSettings& settings, const model::AccessLogSettings& log, listener::FilterChain* chain) {
  filters::network::tcp_proxy::v3::TcpProxy proxy;
  proxy.set_stat_prefix(settings.stat_prefix);
  if (settings.clusters.size() == 1) {
    proxy.set_cluster(settings.clusters.front().name);
  } else {
    for (const WeightedCluster& share : settings.clusters) {
      auto* to = proxy.mutable_weighted_clusters()->add_clusters();
      to->set_name(share.name);
      to->set_weight(share.weight);
    }
  }
  proxy.mutable_idle_timeout();  // zero: Envoy's 1 h would cut idle database connections
  AddAccessLog(log, &proxy);
  auto* filter = chain->add_filters();
  filter->set_name("envoy.filters.network.tcp_proxy");
  Pack(proxy, filter->mutable_typed_config());
}

listener::ListenerFilter* AddListenerFilter(const std::string& name, listener::Listener* to) {
  listener::ListenerFilter* filter = to->add_listener_filters();
  filter->set_name("envoy.filters.listener." + name);
  if (name == "original_dst") {
    Pack(filters::listener::original_dst::v3::OriginalDst(), filter->mutable_typed_config());
  } else if (name == "tls_inspector") {
    Pack(filters::listener::tls_inspector::v3::TlsInspector(), filter->mutable_typed_config());
  } else {
    Pack(filters::listener::http_inspector::v3::HttpInspector(), filter->mutable_typed_config());
  }
  return filter;
}

void FillServerTls(const std::string& trust_domain, Wire wire, core::TransportSocket* socket) {
  tls::DownstreamTlsContext context;
  FillCommonTls(std::string(MeshAlpn(wire)), context.mutable_common_tls_context());
  AddUriSan(context.mutable_common_tls_context())->set_prefix("spiffe://" + trust_domain + "/");
  context.mutable_require_client_certificate()->set_value(true);
  socket->set_name("envoy.transport_sockets.tls");
  Pack(context, socket->mutable_typed_config());
}

void FillClientTls(const std::vector<std::string>& principals, Wire wire, core::TransportSocket* socket) {
  tls::UpstreamTlsContext context;
  FillCommonTls(std::string(MeshAlpn(wire)), context.mutable_common_tls_context());
  for (const std::string& principal : principals) AddUriSan(context.mutable_common_tls_context())->set_exact(principal);
  socket->set_name("envoy.transport_sockets.tls");
  Pack(context, socket->mutable_typed_config());
}

void FillBackendTls(const model::BackendTlsPolicy& policy, const std::string& ca_pem, const std::string& alpn,
                    core::TransportSocket* socket) {
  tls::UpstreamTlsContext context;
  context.set_sni(policy.hostname);
  tls::CommonTlsContext& common = *context.mutable_common_tls_context();
  common.mutable_tls_params()->set_tls_minimum_protocol_version(policy.only_tls13 ? tls::TlsParameters::TLSv1_3
                                                                                  : tls::TlsParameters::TLSv1_2);
  common.mutable_tls_params()->set_tls_maximum_protocol_version(tls::TlsParameters::TLSv1_3);  // Envoy stops at 1.2
  if (!alpn.empty()) common.add_alpn_protocols(alpn);
  if (policy.mesh_certificate) {
    auto* certificate = common.add_tls_certificate_sds_secret_configs();
    certificate->set_name("default");
    FillAds(certificate->mutable_sds_config());
  }
  tls::CertificateValidationContext& validation = *common.mutable_validation_context();
  if (policy.system_roots) {
    validation.mutable_trusted_ca()->set_filename(kSystemRoots);
  } else if (!ca_pem.empty()) {
    validation.mutable_trusted_ca()->set_inline_string(ca_pem);
  } else {
    // No certificate has this hash: what is to be trusted is not known, so that nothing may be.
    validation.add_verify_certificate_hash(std::string(64, '0'));
  }
  if (validation.has_trusted_ca()) FillNames(policy.names, &validation);
  socket->set_name("envoy.transport_sockets.tls");
  Pack(context, socket->mutable_typed_config());
}

}  // namespace weft::control::compile
