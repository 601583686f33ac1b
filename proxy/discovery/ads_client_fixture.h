// The fixture of the tests of AdsClient: a server in memory and a clock that stands still.
#ifndef WEFT_PROXY_DISCOVERY_ADS_CLIENT_FIXTURE_H_
#define WEFT_PROXY_DISCOVERY_ADS_CLIENT_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/discovery/ads_client.h"
#include "proxy/discovery/fake_sink.h"
#include "proxy/discovery/memory_stream_source.h"
#include "proxy/discovery/resource_type.h"

namespace weft::discovery {

class AdsClientTest : public ::testing::Test {
 protected:
  AdsClientTest() {
    options_.node.set_id("web.shop");
    options_.random = [this] { return random_; };
  }
  ~AdsClientTest() override {
    if (client_) client_->Stop();
  }

  void Start() {
    client_ = std::make_unique<AdsClient>(reactor_, source_, sink_, options_);
    client_->Start();
  }
  void Advance(base::Duration by) {
    clock_.Advance(by);
    Turn();
  }
  void Turn() { reactor_.RunOnce(base::Duration::zero()); }

  static DiscoveryResponse Response(ResourceType type, const std::string& version, const std::string& nonce,
                                    int resources = 0) {
    DiscoveryResponse response;
    response.set_type_url(TypeUrl(type));
    response.set_version_info(version);
    response.set_nonce(nonce);
    for (int i = 0; i < resources; ++i) response.add_resources()->set_type_url(TypeUrl(type));
    return response;
  }

  // The requests of `type` that the server got on the newest stream.
  std::vector<DiscoveryRequest> Requests(ResourceType type) {
    std::vector<DiscoveryRequest> found;
    for (const auto& request : source_.last().requests) {
      if (request.type_url() == TypeUrl(type)) found.push_back(request);
    }
    return found;
  }
  DiscoveryRequest LastRequest(ResourceType type) {
    const auto found = Requests(type);
    return found.empty() ? DiscoveryRequest() : found.back();
  }
  static std::vector<std::string> NamesOf(const DiscoveryRequest& request) {
    return {request.resource_names().begin(), request.resource_names().end()};
  }
  const TypeStatus& Of(ResourceType type) { return client_->status().of(type); }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  MemoryStreamSource source_;
  FakeSink sink_;
  AdsOptions options_;
  double random_ = 1.0;  // the whole back-off
  std::unique_ptr<AdsClient> client_;
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_ADS_CLIENT_FIXTURE_H_
