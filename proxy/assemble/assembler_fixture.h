// For tests: an Assembler with a fake clock and a fake name service, and xDS resources as short YAML texts.
#ifndef WEFT_PROXY_ASSEMBLE_ASSEMBLER_FIXTURE_H_
#define WEFT_PROXY_ASSEMBLE_ASSEMBLER_FIXTURE_H_

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "pki/test_authority.h"
#include "proxy/assemble/assembler.h"
#include "proxy/discovery/resource_type.h"
#include "proxy/resolve/fake_resolver.h"
#include "schema/document.h"

namespace weft::assemble {

using discovery::Rejection;
using discovery::ResourceType;
using Strings = std::vector<std::string>;

inline constexpr char kType[] = "\"@type\": type.googleapis.com/envoy.extensions.";

inline const pki::TestAuthority& Authority() {
  static const pki::TestAuthority* const authority = new pki::TestAuthority;
  return *authority;
}

// Each line of a PEM as the text of a YAML block needs it.
inline std::string Quoted(const std::string& pem) {
  std::string text = "\"";
  for (const char c : pem) text += c == '\n' ? std::string("\\n") : std::string(1, c);
  return text + "\"";
}

inline std::string Tls(const std::string& type, const std::string& common) {
  return "{name: tls, typed_config: {" + std::string(kType) + "transport_sockets.tls.v3." + type +
         "TlsContext, common_tls_context: " + common + "}}";
}
inline constexpr char kSdsTls[] =
    "{tls_certificate_sds_secret_configs: [{name: default, sds_config: {ads: {}, resource_api_version: V3}}],"
    " validation_context_sds_secret_config: {name: ROOTCA, sds_config: {ads: {}, resource_api_version: V3}}}";

inline std::string EdsCluster(const std::string& name, const std::string& more = "") {
  return "{name: " + name + ", type: EDS, eds_cluster_config: {eds_config: {ads: {}, resource_api_version: V3}}" +
         more + "}";
}
inline std::string StaticCluster(const std::string& name, const std::string& more = "") {
  return "{name: " + name + ", type: STATIC, load_assignment: {cluster_name: " + name +
         ", endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: "
         "80}}}}]}]}" +
         more + "}";
}
inline std::string Assignment(const std::string& name, std::initializer_list<const char*> ips) {
  std::string endpoints;
  for (const char* ip : ips) {
    endpoints += std::string(endpoints.empty() ? "" : ", ") + "{endpoint: {address: {socket_address: {address: " + ip +
                 ", port_value: 80}}}}";
  }
  return "{cluster_name: " + name + ", endpoints: [{locality: {}, load_balancing_weight: 1, lb_endpoints: [" +
         endpoints + "]}]}";
}
inline std::string Chain(const std::string& name, const std::string& routes, const std::string& more = "") {
  return "{name: " + name + ", filters: [{name: http, typed_config: {" + kType +
         "filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: x, " + routes +
         ", http_filters: [{name: router, typed_config: {" + kType + "filters.http.router.v3.Router}}]}}]" + more + "}";
}
inline std::string Rds(const std::string& name) {
  return "rds: {route_config_name: " + name + ", config_source: {ads: {}, resource_api_version: V3}}";
}
inline std::string Routes(const std::string& name, const std::string& cluster) {
  return "{name: " + name +
         ", virtual_hosts: [{name: all, domains: [\"*\"], routes: [{match: {prefix: /}, route: {cluster: " + cluster +
         "}}]}]}";
}
inline std::string Listener(const std::string& name, int port, const std::string& chains,
                            const std::string& more = "") {
  return "{name: " + name + ", address: {socket_address: {address: 127.0.0.1, port_value: " + std::to_string(port) +
         "}}, filter_chains: [" + chains + "]" + more + "}";
}
inline std::string Secret(const std::string& name, const pki::TestLeaf& leaf) {
  return "{name: " + name + ", tls_certificate: {certificate_chain: {inline_string: " + Quoted(leaf.chain_pem) +
         "}, private_key: {inline_string: " + Quoted(leaf.key_pem) + "}}}";
}

inline constexpr char kAds[] =
    "node: {id: test, cluster: test}\n"
    "dynamic_resources:\n"
    "  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: "
    "control}}]}\n"
    "  cds_config: {ads: {}, resource_api_version: V3}\n"
    "  lds_config: {ads: {}, resource_api_version: V3}\n"
    "static_resources:\n"
    "  clusters:\n"
    "  - {name: control, type: STATIC, load_assignment: {cluster_name: control, endpoints: [{lb_endpoints: [{endpoint: "
    "{address: "
    "{socket_address: {address: 127.0.0.1, port_value: 15010}}}}]}]}, typed_extension_protocol_options: "
    "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {\"@type\": "
    "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: "
    "{http2_protocol_options: {}}}}}\n";

class AssemblerTest : public ::testing::Test {
 protected:
  void Make(bool has_identity = false) {
    AssemblerOptions options;
    options.has_identity = has_identity;
    assembler_ = std::make_unique<Assembler>(
        AssemblerDeps{reactor_, resolver_, registry_}, options,
        [this](std::shared_ptr<const config::Snapshot> next) { published_.push_back(std::move(next)); });
    assembler_->SetWantedChanged([this] { ++wanted_changed_; });
  }
  void Start(const std::string& yaml) {
    auto bootstrap = config::ParseBootstrap(yaml, "test.yaml");
    ASSERT_TRUE(bootstrap.ok()) << bootstrap.status();
    const absl::Status status = assembler_->Start(*std::move(bootstrap));
    ASSERT_TRUE(status.ok()) << status;
    Turn();
  }
  void StartWithAds(bool has_identity = false) {
    Make(has_identity);
    Start(kAds);
  }
  void Turn(base::Duration later = base::Duration::zero()) {
    clock_.Advance(later);
    reactor_.RunOnce(base::Duration::zero());
  }
  template <class Message>
  static google::protobuf::Any Packed(ResourceType type, const std::string& yaml) {
    Message message;
    const absl::Status status = schema::ReadText(yaml, {}, &message);
    EXPECT_TRUE(status.ok()) << status << yaml;
    google::protobuf::Any any;
    any.set_type_url(discovery::TypeUrl(type));
    any.set_value(message.SerializeAsString());
    return any;
  }
  static google::protobuf::Any Resource(ResourceType type, const std::string& yaml) {
    switch (type) {
      case ResourceType::kCluster: return Packed<envoy::config::cluster::v3::Cluster>(type, yaml);
      case ResourceType::kEndpoint: return Packed<envoy::config::endpoint::v3::ClusterLoadAssignment>(type, yaml);
      case ResourceType::kListener: return Packed<envoy::config::listener::v3::Listener>(type, yaml);
      case ResourceType::kRoute: return Packed<envoy::config::route::v3::RouteConfiguration>(type, yaml);
      case ResourceType::kSecret: break;
    }
    return Packed<envoy::extensions::transport_sockets::tls::v3::Secret>(type, yaml);
  }
  std::vector<Rejection> Offer(ResourceType type, const Strings& resources) {
    discovery::Update update;
    update.type = type;
    update.version = std::to_string(++version_);
    for (const std::string& yaml : resources) update.resources.push_back(Resource(type, yaml));
    return assembler_->Apply(update);
  }
  // A response that is taken as a whole.
  void Accept(ResourceType type, const Strings& resources) {
    for (const Rejection& rejection : Offer(type, resources))
      ADD_FAILURE() << rejection.resource << ": " << rejection.reason;
    Turn();
  }
  absl::Status SetIdentity(const pki::TestLeaf& leaf) {
    config::CertificateSpec certificate;
    certificate.chain_pem = leaf.chain_pem;
    certificate.key_pem = leaf.key_pem;
    config::ValidationSpec roots;
    roots.trusted_ca_pem = Authority().root_pem();
    return assembler_->SetIdentity(certificate, roots);
  }
  const config::Snapshot& now() const { return *assembler_->snapshot(); }
  const config::Cluster* ClusterNow(std::string_view name) const { return now().FindCluster(name); }
  const config::Listener* ListenerNow(std::string_view name) const { return now().FindListener(name); }
  ResourceDump DumpOf(ResourceType type, const std::string& name) const {
    for (ResourceDump& dump : assembler_->Dump(type)) {
      if (dump.name == name) return std::move(dump);
    }
    return {};
  }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  resolve::FakeResolver resolver_;
  endpoint::Registry registry_;
  std::vector<std::shared_ptr<const config::Snapshot>> published_;
  std::unique_ptr<Assembler> assembler_;
  int wanted_changed_ = 0;
  int version_ = 0;
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_ASSEMBLER_FIXTURE_H_
