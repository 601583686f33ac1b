// ParseBootstrap: wrong files of every kind, and what needs the whole.
#include "proxy/config/bootstrap.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"

namespace weft::config {
namespace {

constexpr std::string_view kRight = R"yaml(node: {id: sidecar~test, cluster: test}
admin:
  address:
    socket_address: {address: 127.0.0.1, port_value: 9901}
static_resources:
  listeners:
  - name: http
    address:
      socket_address: {address: 127.0.0.1, port_value: 8080}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            name: local
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /hello}
                direct_response:
                  status: 200
                  body: {inline_string: hi}
              - match: {prefix: /}
                route:
                  cluster: service
                  timeout: 3s
  clusters:
  - name: service
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: service
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: {address: 127.0.0.1, port_value: 9}
)yaml";

struct Wrong {
  std::string name, old, now;
  std::vector<std::string> words;
};

const Wrong kWrong[] = {
    {"unknown field at the top", "node: {id", "nodes: {id", {"nodes"}},
    {"unknown field deep inside", "stat_prefix: http", "stat_prefixx: http", {"stat_prefixx"}},
    {"unknown field in a flow map", "{inline_string: hi}", "{inline_text: hi}", {"inline_text"}},
    {"unknown field in a cluster", "    connect_timeout: 1s", "    connect_time: 1s", {"connect_time"}},
    {"text where a number belongs", "port_value: 9}", "port_value: nine}", {"port_value"}},
    {"port out of range", "port_value: 9}", "port_value: 70000}", {"port_value", "65535"}},
    {"negative number", "port_value: 9}", "port_value: -9}", {"port_value"}},
    {"fraction where a whole number belongs", "status: 200", "status: 200.5", {"status"}},
    {"map where text belongs", "cluster: service\n", "cluster: {name: service}\n", {"cluster"}},
    {"text where a list belongs", "domains: [\"*\"]", "domains: \"*\"", {"domains"}},
    {"list where a map belongs", "match: {prefix: /hello}", "match: [/hello]", {"match"}},
    {"unknown enum value", "type: STATIC", "type: STATICAL", {"type", "STATICAL"}},
    {"duration without a unit", "timeout: 3s", "timeout: 3", {"timeout"}},
    {"duration in words", "connect_timeout: 1s", "connect_timeout: one second", {"connect_timeout"}},
    {"negative duration", "timeout: 3s", "timeout: -3s", {"timeout"}},
    {"unknown type URL", "http.router.v3.Router", "http.router.v3.Rooter", {"Rooter"}},
    {"extension that we do not have",
     "envoy.extensions.filters.http.router.v3.Router",
     "envoy.extensions.filters.http.lua.v3.Lua",
     {"Lua"}},
    {"two members of a oneof", "match: {prefix: /hello}", "match: {prefix: /hello, path: /x}", {"match"}},
    {"no member of a oneof", "match: {prefix: /hello}", "match: {}", {"match"}},
    {"regex that does not compile", "match: {prefix: /hello}", "match: {safe_regex: {regex: \"a(b\"}}", {"regex"}},
    {"cluster that does not exist", "cluster: service\n", "cluster: servise\n", {"servise"}},
    {"address that is none",
     "{address: 127.0.0.1, port_value: 9}",
     "{address: 127.0.0.x, port_value: 9}",
     {"address", "127.0.0.x"}},
    {"status out of range", "status: 200", "status: 99", {"status"}},
    {"no domain", "domains: [\"*\"]", "domains: []", {"domains"}},
    {"empty name of a cluster", "- name: service", "- name: \"\"", {"name"}},
    {"key twice in one map", "    type: STATIC", "    type: STATIC\n    type: STATIC", {"type"}},
    {"broken YAML", "  clusters:\n", "  clusters:\n  - [unclosed\n", {}},
    {"tab for indentation", "    type: STATIC", "\ttype: STATIC", {}},
    {"known but unsupported field",
     "    type: STATIC",
     "    type: STATIC\n    lb_subset_config: {}",
     {"lb_subset_config"}},
    {"a field of xDS v2", "    type: STATIC", "    type: STATIC\n    hosts: []", {"hosts"}},
};

std::string Replace(std::string text, const std::string& old, const std::string& now) {
  const size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return at == std::string::npos ? text : text.replace(at, old.size(), now);
}

std::string Changed(const std::string& old, const std::string& now) { return Replace(std::string(kRight), old, now); }

// What is said about a text; empty when it is right.
std::string Said(const std::string& text) { return std::string(ParseBootstrap(text, "b.yaml").status().message()); }

// The number of the first line in which `text` is not as kRight.
int ChangedLine(std::string_view text) {
  int line = 1;
  for (size_t i = 0; i < text.size() && i < kRight.size() && text[i] == kRight[i]; ++i) line += text[i] == '\n';
  return line;
}

bool Says(const std::string& said, const std::string& word) { return said.find(word) != std::string::npos; }

size_t Lines(const std::string& said) { return said.empty() ? 0 : 1 + std::count(said.begin(), said.end(), '\n'); }

TEST(BootstrapTest, RightFile) {
  const auto spec = ParseBootstrap(kRight, "b.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->proto.node().id(), "sidecar~test");
  EXPECT_EQ(spec->admin->ToString(), "127.0.0.1:9901");
  ASSERT_EQ(spec->listeners.size(), 1u);
  const HttpConnectionSpec& http = *spec->listeners[0].chains.at(0).http;
  const VirtualHostSpec& host = http.inline_routes->virtual_hosts.at(0);
  EXPECT_EQ(std::get<DirectResponseSpec>(host.routes.at(0).action).body, "hi");
  const ForwardSpec& forward = std::get<ForwardSpec>(host.routes.at(1).action);
  EXPECT_EQ(forward.clusters.at(0).name, "service");
  EXPECT_EQ(forward.timeout, std::chrono::seconds(3));
  EXPECT_EQ(spec->clusters.at(0).hosts.at(0).address.ToString(), "127.0.0.1:9");
  EXPECT_EQ(spec->clusters.at(0).connect_timeout, std::chrono::seconds(1));
  EXPECT_TRUE(spec->notes.empty()) << spec->notes[0].field;
}

TEST(BootstrapTest, JsonAndCamelCase) {
  EXPECT_EQ(Said(R"({"admin": {"address": {"socketAddress": {"address": "127.0.0.1", "portValue": 0}}},
      "staticResources": {"clusters": [{"name": "a", "connectTimeout": "1.5s", "type": "STATIC"}]}})"),
            "");
}

TEST(BootstrapTest, EachWrongFileNamesLineAndField) {
  for (const Wrong& wrong : kWrong) {
    SCOPED_TRACE(wrong.name);
    const std::string text = Changed(wrong.old, wrong.now);
    const std::string said = Said(text);
    const int line = ChangedLine(text);
    EXPECT_TRUE(Says(said, "b.yaml:" + std::to_string(line) + ":") ||
                Says(said, "b.yaml:" + std::to_string(line + 1) + ":"))
        << line << " is not in: " << said;
    for (const std::string& word : wrong.words) EXPECT_TRUE(Says(said, word)) << word << " is not in: " << said;
    // One mistake is one message: nothing follows from it.
    EXPECT_EQ(Lines(said), 1u) << said;
  }
}

TEST(BootstrapTest, WrongAsAWhole) {
  const std::string right(kRight);
  EXPECT_TRUE(Says(Said(Changed("[\"*\"]", "[\"a.test\", \"a.test\"]")), "a.test"));
  EXPECT_TRUE(Says(Said(right + right.substr(right.find("  - name: service"))),
                   "static_resources.clusters[1].name: \"service\" is the name of clusters[0], too"));
  EXPECT_TRUE(Says(Said(""), "b.yaml:1:1: nothing is written here"));
  EXPECT_TRUE(Says(Said("- a\n- b\n"), "b.yaml:1"));
  EXPECT_TRUE(Says(Said(Changed("hi}", "h\xffi}")), "UTF-8"));
}

TEST(BootstrapTest, AllProblemsAtOnce) {
  const std::string said =
      Said(Replace(Replace(Changed("stat_prefix:", "stat_prefixx:"), "type: STATIC", "type: STATICAL"), "status: 200",
                   "status: 99"));
  EXPECT_TRUE(Says(said, "stat_prefixx")) << said;
  EXPECT_TRUE(Says(said, "STATICAL")) << said;
  EXPECT_TRUE(Says(said, "direct_response.status: expected a status from 200 to 599, found 99")) << said;
  EXPECT_EQ(Lines(said), 3u) << said;
}

TEST(BootstrapTest, NameOfAClusterIsSuggested) {
  EXPECT_EQ(Said(Changed("cluster: service\n", "cluster: servise\n")),
            "b.yaml:32:28: "
            "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]"
            ".routes[1].route.cluster: there is no cluster \"servise\"; did you mean \"service\"?");
}

// A misspelt name of a cluster must not become "no such cluster" everywhere.
TEST(BootstrapTest, UnreadClustersAreNotMissed) {
  const std::string said = Said(Changed("- name: service", "- nme: service"));
  EXPECT_TRUE(Says(said, "nme")) << said;
  EXPECT_EQ(Lines(said), 1u) << said;
}

constexpr char kAds[] = R"yaml(
dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    grpc_services:
    - envoy_grpc: {cluster_name: service, authority: control.weft}
      initial_metadata: [{key: Authorization, value: Bearer x}]
  cds_config: {ads: {}, resource_api_version: V3}
  lds_config: {ads: {}, resource_api_version: V3}
)yaml";

TEST(BootstrapTest, AdsStream) {
  const auto spec = ParseBootstrap(Changed("cluster: service\n", "cluster: comes-later\n") + kAds, "b.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_TRUE(spec->ads);
  EXPECT_EQ(spec->ads->cluster, "service");
  EXPECT_EQ(spec->ads->authority, "control.weft");
  EXPECT_EQ(spec->ads->metadata, (std::vector<std::pair<std::string, std::string>>{{"authorization", "Bearer x"}}));
  EXPECT_TRUE(spec->ads->clusters);
  EXPECT_TRUE(spec->ads->listeners);

  EXPECT_TRUE(Says(Said(std::string(kRight) + Replace(kAds, "cluster_name: service", "cluster_name: control")),
                   "cluster_name: there is no cluster \"control\" in static_resources"));
  EXPECT_TRUE(Says(Said(std::string(kRight) + "dynamic_resources: {lds_config: {ads: {}}}\n"),
                   "dynamic_resources.lds_config: needs an ADS stream"));
  EXPECT_TRUE(
      Says(Said(std::string(kRight) + Replace(kAds, "api_type: GRPC", "api_type: REST")), "api_type: expected GRPC"));
}

std::string WithTls(const std::string& certificate) {
  return Changed("  clusters:\n  - name", R"yaml(      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context: )yaml" + certificate +
                                              "\n  clusters:\n  - name");
}

TEST(BootstrapTest, FilesMustBeReadable) {
  const std::string path = testing::TempDir() + "bootstrap_test.pem";
  std::ofstream(path) << "PEM";
  const std::string files =
      "{tls_certificates: [{certificate_chain: {filename: " + path + "}, private_key: {filename: KEY}}]}";
  EXPECT_EQ(Said(WithTls(Replace(files, "KEY", path))), "");
  const std::string said = Said(WithTls(Replace(files, "KEY", "/does/not/exist.key")));
  EXPECT_TRUE(Says(said, "private_key.filename: /does/not/exist.key: No such file or directory")) << said;
  EXPECT_EQ(Lines(said), 1u) << said;
}

TEST(BootstrapTest, SecretsByName) {
  const std::string sds = WithTls("{tls_certificate_sds_secret_configs: [{name: mine}]}");
  EXPECT_TRUE(Says(Said(sds), "there is no secret \"mine\" in static_resources"));
  EXPECT_EQ(Said(sds + "  secrets: [{name: mine, tls_certificate: {certificate_chain: {inline_string: a}, "
                       "private_key: {inline_string: b}}}]\n"),
            "");
  EXPECT_TRUE(Says(Said(WithTls("{tls_certificate_sds_secret_configs: [{name: mine, sds_config: {ads: {}}}]}")),
                   "sds_config: needs an ADS stream"));
}

TEST(BootstrapTest, AddressTwice) {
  const std::string right(kRight);
  const size_t begin = right.find("  - name: http"), end = right.find("  clusters:");
  const std::string again = Replace(right.substr(begin, end - begin), "name: http", "name: other");
  EXPECT_TRUE(Says(Said(Replace(right, "  clusters:", again + "  clusters:")),
                   "static_resources.listeners[1].address: 127.0.0.1:8080 is the address of listener \"http\", too"));
}

// gRPC to the control plane is HTTP/2; requests are not, yet.
TEST(BootstrapTest, Http2ClusterOfARoute) {
  const std::string http2 = Changed("    type: STATIC\n", "    type: STATIC\n    http2_protocol_options: {}\n");
  EXPECT_TRUE(Says(Said(http2), "routes[1].route.cluster: cluster \"service\" is HTTP/2")) << Said(http2);
}

TEST(BootstrapTest, IgnoredFieldsAreNoted) {
  const auto spec =
      ParseBootstrap(Changed("    type: STATIC\n", "    type: STATIC\n    outlier_detection: {consecutive_5xx: 3}\n") +
                         "layered_runtime: {layers: []}\n",
                     "b.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->notes.size(), 2u);
  EXPECT_EQ(spec->notes[0].field, "layered_runtime");
  EXPECT_EQ(spec->notes[1].field, "static_resources.clusters[0].outlier_detection");
}

TEST(BootstrapTest, FileThatIsNotThere) {
  EXPECT_EQ(LoadBootstrap("/does/not/exist.yaml").status().message(),
            "/does/not/exist.yaml: No such file or directory");
}

}  // namespace
}  // namespace weft::config
