// What is compiled is what a stock Envoy takes: everything goes into one bootstrap, which `envoy --mode validate`
// reads.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "control/compile/test_world.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/upstreams/http/v3/http.pb.h"
#include "google/protobuf/util/json_util.h"

namespace weft::control::compile {
namespace {

using Bootstrap = envoy::config::bootstrap::v3::Bootstrap;
using Hcm = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

// WEFT_ENVOY, or where deploy/setup puts it; empty: not installed.
std::string EnvoyBinary() {
  if (const char* told = std::getenv("WEFT_ENVOY"); told != nullptr) return told;
  const passwd* user = getpwuid(getuid());
  std::error_code none;
  const std::filesystem::path lib =
      std::filesystem::path(user == nullptr ? "/" : user->pw_dir) / ".cache/weft/tools/envoy/lib";
  for (const auto& entry : std::filesystem::directory_iterator(lib, none)) {
    const auto binary = entry.path() / "site-packages/envoy/_bin/envoy";
    if (std::filesystem::exists(binary, none)) return binary;
  }
  return "";
}

// A listener whose routes stand in it, as routes from RDS are not part of a bootstrap.
void AddListenerWithRoutes(const envoy::config::route::v3::RouteConfiguration& routes, const Hcm& like,
                           Bootstrap* bootstrap) {
  Hcm manager = like;
  *manager.mutable_route_config() = routes;
  manager.mutable_route_config()->mutable_validate_clusters()->set_value(false);  // as it is with RDS
  auto* listener = bootstrap->mutable_static_resources()->add_listeners();
  listener->set_name("routes " + routes.name());
  listener->mutable_address()->mutable_pipe()->set_path("@" + routes.name());
  auto* filter = listener->add_filter_chains()->add_filters();
  filter->set_name("envoy.filters.network.http_connection_manager");
  filter->mutable_typed_config()->PackFrom(manager);
}

Bootstrap BootstrapOf(const ProxyConfig& config) {
  Bootstrap bootstrap;
  bootstrap.mutable_node()->set_id("test");
  bootstrap.mutable_node()->set_cluster("test");
  auto* ads = bootstrap.mutable_dynamic_resources()->mutable_ads_config();
  ads->set_api_type(envoy::config::core::v3::ApiConfigSource::GRPC);
  ads->set_transport_api_version(envoy::config::core::v3::V3);
  ads->add_grpc_services()->mutable_envoy_grpc()->set_cluster_name("xds");
  auto* xds = bootstrap.mutable_static_resources()->add_clusters();
  xds->set_name("xds");
  envoy::extensions::upstreams::http::v3::HttpProtocolOptions http2;
  http2.mutable_explicit_http_config()->mutable_http2_protocol_options();
  (*xds->mutable_typed_extension_protocol_options())["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"].PackFrom(
      http2);

  for (const auto& resource : config.Of(ResourceType::kCluster).resources) {
    *bootstrap.mutable_static_resources()->add_clusters() = Decode<envoy::config::cluster::v3::Cluster>(*resource);
  }
  // Endpoints come by EDS, so they get a cluster here.
  for (const auto& resource : config.Of(ResourceType::kEndpoint).resources) {
    auto* cluster = bootstrap.mutable_static_resources()->add_clusters();
    *cluster->mutable_load_assignment() = Decode<envoy::config::endpoint::v3::ClusterLoadAssignment>(*resource);
    cluster->set_name("endpoints of " + resource->name);
    cluster->mutable_load_assignment()->set_cluster_name(cluster->name());
  }
  Hcm like;
  for (const auto& resource : config.Of(ResourceType::kListener).resources) {
    auto* listener = bootstrap.mutable_static_resources()->add_listeners();
    *listener = Decode<envoy::config::listener::v3::Listener>(*resource);
    for (const auto& chain : listener->filter_chains()) chain.filters(0).typed_config().UnpackTo(&like);
  }
  for (const auto& resource : config.Of(ResourceType::kRoute).resources) {
    AddListenerWithRoutes(Decode<envoy::config::route::v3::RouteConfiguration>(*resource), like, &bootstrap);
  }
  return bootstrap;
}

// Envoy 1.40 crashes on a cluster of the bootstrap whose secrets come by ADS, so that here they come from a file.
std::string WithSecretsFromFile(std::string json) {
  const std::string ads = R"("sds_config":{"ads":{})", file = testing::TempDir() + "secrets.json";
  std::ofstream(file) << R"({"resources":[]})";
  const std::string instead = R"("sds_config":{"path_config_source":{"path":")" + file + R"("})";
  for (size_t at = json.find(ads); at != std::string::npos; at = json.find(ads, at))
    json.replace(at, ads.size(), instead);
  return json;
}

// The exit status as waitpid tells it; output goes to the file `log`.
int Run(std::vector<std::string> words, const std::string& log) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = -1;
  const int error = posix_spawn(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  int status = -1;
  if (error != 0 || waitpid(child, &status, 0) != child) return -1;
  return status;
}

void ExpectEnvoyTakes(const Bootstrap& bootstrap, const std::string& envoy, const std::string& name) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(bootstrap, &json, options).ok());
  const std::string file = testing::TempDir() + name + ".json", log = file + ".log";
  std::ofstream(file) << WithSecretsFromFile(json);
  const int status = Run({envoy, "--mode", "validate", "-l", "warning", "-c", file}, log);
  std::stringstream said;
  said << std::ifstream(log).rdbuf();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << said.str();
  EXPECT_EQ(said.str().find("eprecated"), std::string::npos) << said.str();
}

TEST(StockEnvoy, TakesEveryResource) {
  const std::string envoy = EnvoyBinary();
  if (envoy.empty()) GTEST_SKIP() << "no Envoy here: `deploy/setup` installs it, or WEFT_ENVOY names it";
  const Compiled permissive(FullWorld());
  ExpectEnvoyTakes(BootstrapOf(*permissive.For("web")), envoy, "permissive");
  model::World world = FullWorld();
  world.mesh.outbound = model::OutboundPolicy::kRegistryOnly;
  world.mesh.access_log.path = "/dev/null";
  model::PeerAuthentication strict;
  strict.meta.name = {"shop", "default"};
  strict.mode = model::MtlsMode::kStrict;
  world.peer_authentications[strict.meta.name] = strict;
  const Compiled closed(world);
  ExpectEnvoyTakes(BootstrapOf(*closed.For("client")), envoy, "strict");
}

}  // namespace
}  // namespace weft::control::compile
