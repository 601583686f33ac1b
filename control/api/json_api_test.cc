#include "control/api/json_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "control/ca/memory_token_store.h"
#include "control/store/scratch_directory.h"
#include "pki/private_file.h"

namespace weft::control::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kWeb =
    "apiVersion: weft.dev/v1\nkind: Service\nmetadata: {name: web}\n"
    "spec: {ports: [{port: 80, protocol: HTTP}], selector: {app: web}}\n";

class JsonApiTest : public ::testing::Test {
 protected:
  JsonApiTest() : store_(*store::Store::Open(directory_.path())), registry_(*Registry::Open(*store_, "cluster.local")) {
    access_.emplace(*Access::Open(directory_.path()));
    token_ = *pki::ReadPrivateFile(directory_.path() + "/admin.token");
    while (!token_.empty() && token_.back() == '\n') token_.pop_back();
    Views views;
    views.now = [] { return absl::FromUnixSeconds(1'800'000'000); };
    views.version = "1.2.3";
    views.trust_domain = "cluster.local";
    operations_.emplace(*registry_, tokens_, token_store_, views);
    api_.emplace(*access_, *operations_, [this] { return why_not_ready_; });
  }
  HttpResponse Ask(const std::string& method, const std::string& path, std::map<std::string, std::string> query = {},
                   const std::string& body = "") {
    HttpRequest request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = body;
    request.peer = peer_;
    if (!token_.empty()) request.headers["authorization"] = "Bearer " + token_;
    return api_->Handle(request);
  }

  store::ScratchDirectory directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Registry> registry_;
  ca::MemoryTokenStore token_store_;
  ca::JoinTokens tokens_{token_store_, "cluster.local", std::string(32, 'r')};
  std::optional<Access> access_;
  std::optional<Operations> operations_;
  std::optional<JsonApi> api_;
  std::string token_, why_not_ready_;
  std::string peer_ = "ipv4:127.0.0.1:4711";
};

TEST_F(JsonApiTest, WithoutTheTokenNothingIsToldAndNothingChanges) {
  const std::string right = token_;
  for (const std::string& wrong : {std::string(), right + "x", right.substr(1), std::string("admin")}) {
    token_ = wrong;
    EXPECT_EQ(Ask("POST", "/v1/apply", {}, kWeb).code, 401);
    EXPECT_EQ(Ask("GET", "/v1/objects").code, 401);
    EXPECT_EQ(Ask("GET", "/no/such/path").code, 401);
    const HttpResponse refused = Ask("GET", "/v1/version");
    EXPECT_EQ(refused.code, 401);
    EXPECT_THAT(refused.body, Not(HasSubstr(right)));
  }
  // What a browser sends by itself is no token.
  HttpRequest browser;
  browser.method = "POST";
  browser.path = "/v1/apply";
  browser.body = kWeb;
  browser.peer = peer_;
  browser.headers = {
      {"origin", "http://evil.example"}, {"cookie", "token=" + right}, {"authorization", "Basic " + right}};
  EXPECT_EQ(api_->Handle(browser).code, 401);
  EXPECT_EQ(registry_->world()->revision, 0);
  token_ = right;
  EXPECT_EQ(Ask("GET", "/v1/version").code, 200);
}

TEST_F(JsonApiTest, WithoutTheTokenTheBodyIsNotEvenRead) {
  HttpRequest head;
  head.method = "POST";
  head.path = "/v1/apply";
  head.peer = peer_;
  const std::optional<HttpResponse> denied = api_->Admit(head);
  ASSERT_TRUE(denied.has_value());
  EXPECT_EQ(denied->code, 401);
  head.headers["authorization"] = "Bearer " + token_;
  EXPECT_FALSE(api_->Admit(head).has_value());
  HttpRequest probe;
  probe.path = "/readyz";
  probe.peer = peer_;
  EXPECT_FALSE(api_->Admit(probe).has_value());
  // Else /healthz would be the way to have 16 MiB kept for whoever comes.
  for (const char* length : {"content-length", "transfer-encoding"}) {
    HttpRequest heavy = probe;
    heavy.headers[length] = length[0] == 'c' ? "16000000" : "chunked";
    const std::optional<HttpResponse> answered = api_->Admit(heavy);
    ASSERT_TRUE(answered.has_value()) << length;
    EXPECT_EQ(answered->code, 200);
  }
}

TEST_F(JsonApiTest, TheAdminTokenIsPrivateAndStays) {
  struct stat facts;
  ASSERT_EQ(stat((directory_.path() + "/admin.token").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_TRUE(Access::Open(directory_.path())->Check(peer_, "bearer " + token_).ok());
  ASSERT_EQ(chmod((directory_.path() + "/admin.token").c_str(), 0644), 0);
  EXPECT_FALSE(Access::Open(directory_.path()).ok());
}

TEST_F(JsonApiTest, HealthNeedsNoToken) {
  token_.clear();
  EXPECT_EQ(Ask("GET", "/healthz").code, 200);
  EXPECT_EQ(Ask("GET", "/readyz").code, 200);
  why_not_ready_ = "starting";
  EXPECT_EQ(Ask("GET", "/readyz").code, 503);
}

TEST_F(JsonApiTest, AnObjectIsAppliedShownAndDeleted) {
  const HttpResponse applied = Ask("POST", "/v1/apply", {{"author", "ann"}, {"message", "why"}}, kWeb);
  EXPECT_EQ(applied.code, 200) << applied.body;
  EXPECT_THAT(applied.body, HasSubstr("\"CREATED\""));
  EXPECT_THAT(Ask("GET", "/v1/objects/Service/default/web").body, HasSubstr("\"resourceVersion\":\"1\""));
  EXPECT_THAT(Ask("GET", "/v1/objects", {{"kind", "svc"}}).body, HasSubstr("\"kind\":\"List\""));
  EXPECT_THAT(Ask("GET", "/v1/log").body, HasSubstr("ann (admin token from 127.0.0.1)"));
  EXPECT_EQ(Ask("DELETE", "/v1/objects/Service/default/web", {{"dryRun", "true"}}).code, 200);
  EXPECT_EQ(Ask("DELETE", "/v1/objects/Service/default/web", {{"resourceVersion", "7"}}).code, 409);
  EXPECT_EQ(Ask("DELETE", "/v1/objects/Service/default/web", {{"resourceVersion", "1"}}).code, 200);
  EXPECT_EQ(Ask("DELETE", "/v1/objects/Service/default/web").code, 404);
  EXPECT_EQ(Ask("POST", "/v1/rollback", {{"revision", "1"}}).code, 200);
  EXPECT_EQ(Ask("GET", "/v1/objects/Service/default/web").code, 200);
}

TEST_F(JsonApiTest, WhatIsWrongIsNamedWithItsPlace) {
  const HttpResponse wrong = Ask("POST", "/v1/apply", {{"file", "web.yaml"}}, std::string(kWeb) + "---\nkind: [\n");
  EXPECT_EQ(wrong.code, 400);
  EXPECT_THAT(wrong.body, HasSubstr("web.yaml:"));
  EXPECT_THAT(wrong.body, HasSubstr("\"weft.v1.ObjectErrors\""));
  EXPECT_EQ(Ask("GET", "/v1/objects").body.find("web"), std::string::npos);
  EXPECT_EQ(Ask("GET", "/v1/apply").code, 405);
  EXPECT_EQ(Ask("POST", "/v1/rollback", {{"revision", "-1"}}).code, 400);
  EXPECT_EQ(Ask("POST", "/weft.v1.Control/Rollback", {}, "{\"revision\":").code, 400);
  EXPECT_EQ(Ask("POST", "/weft.v1.Control/NoSuch").code, 404);
  EXPECT_EQ(Ask("POST", "/weft.v1.Control/Watch").code, 501);
  EXPECT_EQ(Ask("GET", "/v1/objects", {{"revision", "9"}}).code, 400);
}

// A single author of "%ff" was stored, and no `weft log` could read the log ever after.
TEST_F(JsonApiTest, BytesThatAreNoUtf8DoNotReachTheLog) {
  EXPECT_EQ(Ask("POST", "/v1/apply", {{"author", "\xff"}}, kWeb).code, 400);
  EXPECT_EQ(Ask("POST", "/v1/apply", {{"message", std::string("a\0b", 3)}}, kWeb).code, 400);
  EXPECT_EQ(Ask("GET", "/v1/\xff").code, 400);
  EXPECT_EQ(registry_->world()->revision, 0);
}

TEST_F(JsonApiTest, AWatchWritesOneEventALineUntilItIsStopped) {
  ASSERT_EQ(Ask("POST", "/v1/apply", {}, kWeb).code, 200);
  const HttpResponse watch = Ask("GET", "/v1/watch");
  ASSERT_NE(watch.stream, nullptr);
  std::vector<std::string> lines;
  watch.stream(
      [&](const std::string& line) {
        lines.push_back(line);
        // A change while it is watched.
        if (lines.size() == 2) EXPECT_EQ(Ask("DELETE", "/v1/objects/Service/default/web").code, 200);
        return true;
      },
      [&] { return lines.size() >= 4; });
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[0], HasSubstr("\"ADDED\""));
  EXPECT_THAT(lines[2], HasSubstr("\"DELETED\""));
  for (const std::string& line : lines) EXPECT_EQ(line.find('\n'), line.size() - 1);
}

}  // namespace
}  // namespace weft::control::api
