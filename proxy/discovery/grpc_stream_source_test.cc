// Against a real ADS server in this process.
#include "proxy/discovery/grpc_stream_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "pki/test_authority.h"
#include "proxy/discovery/fake_ads_server.h"

namespace weft::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kControl[] = "weft-control.weft-system.svc";
constexpr char kCart[] = "spiffe://cluster.local/ns/shop/sa/cart";

struct Events final : StreamEvents {
  void OnSent() override { ++sent; }
  void OnResponse(DiscoveryResponse response) override { responses.push_back(std::move(response)); }
  void OnClosed(const absl::Status& status) override { closed = status; }
  int sent = 0;
  std::vector<DiscoveryResponse> responses;
  std::optional<absl::Status> closed;
};

class GrpcStreamSourceTest : public ::testing::Test {
 protected:
  ~GrpcStreamSourceTest() override { stream_.reset(); }

  void Open(Channel channel) {
    stream_.reset();
    source_.reset();
    channels_.emplace(std::move(channel));
    source_ = std::make_unique<GrpcStreamSource>(mailbox_, *channels_);
    auto stream = source_->Open(events_);
    ASSERT_TRUE(stream.ok()) << stream.status();
    stream_ = *std::move(stream);
  }
  static Channel To(const FakeAdsServer& server) {
    Channel channel;
    channel.target = server.target();
    return channel;
  }
  template <class Condition>
  bool RunUntil(Condition condition) {
    const auto limit = reactor_.now() + std::chrono::seconds(20);
    while (!condition() && reactor_.now() < limit) reactor_.RunOnce(std::chrono::milliseconds(10));
    return condition();
  }
  static DiscoveryRequest Request(const std::string& type) {
    DiscoveryRequest request;
    request.set_type_url(type);
    return request;
  }

  runtime::Reactor reactor_;
  runtime::Mailbox mailbox_{reactor_};
  Events events_;
  std::optional<FixedChannel> channels_;
  std::unique_ptr<GrpcStreamSource> source_;
  std::unique_ptr<AdsStream> stream_;
};

TEST_F(GrpcStreamSourceTest, RequestsGoOutAndResponsesComeInOneAtATime) {
  FakeAdsServer server;
  Channel channel = To(server);
  channel.metadata = {{"x-proxy", "web.shop"}};
  channel.authority = "control.weft.test";
  Open(std::move(channel));
  stream_->Send(Request("a"));
  ASSERT_TRUE(RunUntil([&] { return events_.sent == 1; }));
  stream_->Send(Request("b"));
  ASSERT_TRUE(RunUntil([&] { return events_.sent == 2 && server.requests().size() == 2; }));
  EXPECT_EQ(server.requests()[0].type_url(), "a");
  EXPECT_EQ(server.requests()[1].type_url(), "b");
  EXPECT_EQ(server.last_metadata("x-proxy"), "web.shop");
  EXPECT_EQ(server.last_authority(), "control.weft.test");
  EXPECT_THAT(server.last_metadata("user-agent"), HasSubstr("weft-proxy/"));

  for (const char* version : {"1", "2"}) {
    DiscoveryResponse response;
    response.set_version_info(version);
    server.Send(response);
  }
  stream_->Receive();
  ASSERT_TRUE(RunUntil([&] { return events_.responses.size() == 1; }));
  EXPECT_EQ(events_.responses[0].version_info(), "1");
  stream_->Receive();
  ASSERT_TRUE(RunUntil([&] { return events_.responses.size() == 2; }));

  stream_->Receive();
  server.Close({grpc::StatusCode::UNAVAILABLE, "shutting down"});
  ASSERT_TRUE(RunUntil([&] { return events_.closed.has_value(); }));
  EXPECT_TRUE(absl::IsUnavailable(*events_.closed));
  EXPECT_EQ(events_.closed->message(), "shutting down");
}

// The stream stayed open, and the proxy deaf to its control plane, until one of the two was restarted.
TEST_F(GrpcStreamSourceTest, WhatIsNoResponseEndsTheStream) {
  FakeAdsServer server;
  Open(To(server));
  stream_->Send(Request("a"));
  ASSERT_TRUE(RunUntil([&] { return server.open_streams() == 1 && events_.sent == 1; }));
  DiscoveryResponse response;
  response.set_version_info("\xff\xfe");  // no UTF-8, so no proto3 string
  server.Send(response);
  stream_->Receive();
  ASSERT_TRUE(RunUntil([&] { return events_.closed.has_value(); }));
  EXPECT_EQ(events_.closed->message(), "the control plane sent what is no DiscoveryResponse");
  EXPECT_TRUE(RunUntil([&] { return server.open_streams() == 0; }));
}

// gRPC's own limit of 4 MiB would cut off a proxy for good in a mesh that grew past it.
TEST_F(GrpcStreamSourceTest, AResponseOfEightMebibytesIsTakenAndOneAboveTheBoundEndsTheStream) {
  FakeAdsServer server;
  Channel channel = To(server);
  EXPECT_EQ(channel.max_response_bytes, kMaxResponseBytes);
  DiscoveryResponse response;
  response.add_resources()->mutable_value()->assign(8u << 20, 'x');
  for (const bool fits : {true, false}) {
    if (!fits) channel.max_response_bytes = 8u << 20;  // of which the frame of the message takes some
    Open(channel);
    stream_->Send(Request("a"));
    ASSERT_TRUE(RunUntil([&] { return server.open_streams() == 1; }));
    server.Send(response);
    stream_->Receive();
    ASSERT_TRUE(RunUntil([&] { return fits ? events_.responses.size() == 1 : events_.closed.has_value(); }));
    stream_.reset();
    ASSERT_TRUE(RunUntil([&] { return server.open_streams() == 0; }));
  }
  EXPECT_EQ(events_.responses.front().resources(0).value().size(), 8u << 20);
  EXPECT_TRUE(absl::IsResourceExhausted(*events_.closed)) << *events_.closed;
}

TEST_F(GrpcStreamSourceTest, DestroyedStreamIsCancelledAndSilent) {
  FakeAdsServer server;
  Open(To(server));
  stream_->Send(Request("a"));
  ASSERT_TRUE(RunUntil([&] { return server.requests().size() == 1; }));
  stream_->Receive();
  stream_.reset();
  source_.reset();
  EXPECT_TRUE(RunUntil([&] { return server.open_streams() == 0; }));
  EXPECT_FALSE(events_.closed.has_value());
}

// The channel of a failed stream is often the last one of the process, and gRPC 1.51 aborted when it ended on gRPC's
// own thread.
TEST_F(GrpcStreamSourceTest, NobodyThereManyTimes) {
  Channel nowhere;
  {
    FakeAdsServer server;
    nowhere = To(server);
  }
  for (int i = 0; i < 20; ++i) {
    events_.closed.reset();
    Open(nowhere);
    stream_->Receive();
    ASSERT_TRUE(RunUntil([&] { return events_.closed.has_value(); }));
    EXPECT_TRUE(absl::IsUnavailable(*events_.closed)) << *events_.closed;
  }
}

TEST_F(GrpcStreamSourceTest, MutualTlsChecksBothEnds) {
  const pki::TestAuthority authority, foreign;
  pki::TestShape shape;
  shape.dns_sans = {kControl};
  const pki::TestLeaf control = authority.Leaf(shape), cart = authority.LeafFor(kCart);
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = authority.root_pem();
  options.pem_key_cert_pairs.push_back({control.key_pem, control.chain_pem});
  FakeAdsServer server(grpc::SslServerCredentials(options));

  const auto channel = [&](const std::string& roots, const std::string& name) {
    Channel made = To(server);
    made.tls.emplace();
    made.tls->roots_pem = roots;
    made.tls->server_name = name;
    made.tls->key_pem = cart.key_pem;
    made.tls->chain_pem = cart.chain_pem;
    return made;
  };
  Open(channel(authority.root_pem(), kControl));
  stream_->Send(Request("a"));
  ASSERT_TRUE(RunUntil([&] { return server.requests().size() == 1; }));
  EXPECT_THAT(server.peer_names(), ElementsAre(kCart));

  for (const Channel& wrong : {channel(foreign.root_pem(), kControl), channel(authority.root_pem(), "other.test")}) {
    events_.closed.reset();
    Open(wrong);
    stream_->Send(Request("secret"));
    stream_->Receive();
    ASSERT_TRUE(RunUntil([&] { return events_.closed.has_value(); }));
    EXPECT_TRUE(absl::IsUnavailable(*events_.closed)) << *events_.closed;
  }
  EXPECT_EQ(server.streams(), 1u);
}

}  // namespace
}  // namespace weft::discovery
