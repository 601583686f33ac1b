#include "proxy/telemetry/access_format.h"

#include <gtest/gtest.h>

#include <map>

namespace weft::telemetry {
namespace {

struct Headers final : HeaderLookup {
  std::map<std::string, std::string, std::less<>> request, response, trailers;
  using Found = std::optional<std::string_view>;
  static Found Look(const std::map<std::string, std::string, std::less<>>& in, std::string_view name) {
    const auto found = in.find(name);
    return found == in.end() ? Found() : Found(found->second);
  }
  Found Request(std::string_view name) const override { return Look(request, name); }
  Found Response(std::string_view name) const override { return Look(response, name); }
  Found Trailer(std::string_view name) const override { return Look(trailers, name); }
};

class AccessFormatTest : public ::testing::Test {
 protected:
  AccessFormatTest() {
    headers_.request = {{":method", "POST"},        {":path", "/api/v1/locations?key=1"}, {":authority", "locations"},
                        {"user-agent", "nsq2http"}, {"x-forwarded-for", "10.0.35.28"},    {"x-request-id", "cc21d9b0"}};
    headers_.response = {{"x-envoy-upstream-service-time", "226"}};
    record_.start_wall_micros = 1'460'737'531'000'000;  // the example of Envoy's documentation
    record_.start_wall_micros += 310'999;
    record_.ended = std::chrono::milliseconds(226);
    record_.protocol = "HTTP/1.1";
    record_.response_code = 204;
    record_.bytes_received = 154;
    record_.headers = &headers_;
    record_.upstream_host = &upstream_;
  }
  std::string Line(const std::string& text) {
    auto format = AccessFormat::FromText(text);
    if (!format.ok()) return std::string(format.status().message());
    std::string line;
    (*format)->Append(record_, &line);
    return line;
  }
  std::string Json(const std::vector<std::pair<std::string, std::string>>& fields) {
    auto format = AccessFormat::FromJson(fields);
    if (!format.ok()) return std::string(format.status().message());
    std::string line;
    (*format)->Append(record_, &line);
    return line;
  }

  Headers headers_;
  const base::Address upstream_ = *base::Address::Parse("10.0.2.1:80");
  AccessRecord record_;
};

TEST_F(AccessFormatTest, DefaultIsEnvoys) {
  EXPECT_EQ(Line(""),
            "[2016-04-15T16:25:31.310Z] \"POST /api/v1/locations?key=1 HTTP/1.1\" 204 - 154 0 226 226 \"10.0.35.28\" "
            "\"nsq2http\" \"cc21d9b0\" \"locations\" \"10.0.2.1:80\"\n");
  headers_.request["x-envoy-original-path"] = "/before";
  EXPECT_NE(Line("").find("\"POST /before HTTP/1.1\""), std::string::npos);
  record_ = AccessRecord();
  record_.response_flag = "UF";
  EXPECT_EQ(Line(""), "[1970-01-01T00:00:00.000Z] \"- - -\" 0 UF 0 0 - - \"-\" \"-\" \"-\" \"-\" \"-\"\n");
}

TEST_F(AccessFormatTest, Commands) {
  EXPECT_EQ(Line("%REQ(USER-AGENT):3% 100%%"), "nsq 100%\n");
  EXPECT_EQ(Line("%REQ(X-NONE?:METHOD)%|%REQ_WITHOUT_QUERY(:PATH)%|%RESP(none)%"), "POST|/api/v1/locations|-\n");
  EXPECT_EQ(Line("%START_TIME(%s.%3f %Y/%m %%f)%"), "1460737531.310 2016/04 %f\n");
  EXPECT_EQ(Line("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%"), "10.0.2.1 80\n");
  headers_.trailers["grpc-status"] = "4";
  EXPECT_EQ(Line("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER% %TRAILER(grpc-status)%"),
            "DeadlineExceeded DEADLINE_EXCEEDED 4 4\n");
  record_.failure_detail = "why";
  EXPECT_EQ(Line("%UPSTREAM_TRANSPORT_FAILURE_REASON% %CONNECTION_TERMINATION_DETAILS%"), "- why\n");
  record_.failed_upstream = true;
  EXPECT_EQ(Line("%UPSTREAM_TRANSPORT_FAILURE_REASON% %CONNECTION_TERMINATION_DETAILS%"), "why -\n");
}

TEST_F(AccessFormatTest, NothingThatAPeerSendsMakesASecondLine) {
  headers_.request["user-agent"] = "a\r\n\x1b[31mb\x7f";
  EXPECT_EQ(Line("%REQ(USER-AGENT)%"), "a\\x0d\\x0a\\x1b[31mb\\x7f\n");
  const std::string json = Json({{"agent", "%REQ(USER-AGENT)%"}});
  EXPECT_EQ(json, "{\"agent\":\"a\\u000d\\n\\u001b[31mb\\u007f\"}\n");
}

TEST_F(AccessFormatTest, JsonKeepsTypesAndOrder) {
  EXPECT_EQ(Json({{"z", "%RESPONSE_CODE%"},
                  {"a", "%PROTOCOL%"},
                  {"both", "%PROTOCOL% %RESPONSE_CODE%"},
                  {"none", "%RESP(x)%"},
                  {"k\"", "text"},
                  {"flag", "%RESPONSE_FLAGS%"},
                  {"half", "x%RESPONSE_FLAGS%"}}),
            "{\"z\":204,\"a\":\"HTTP/1.1\",\"both\":\"HTTP/1.1 "
            "204\",\"none\":null,\"k\\\"\":\"text\",\"flag\":null,\"half\":\"x-\"}\n");
}

TEST_F(AccessFormatTest, ErrorsNameTheCommandAndThePlace) {
  EXPECT_EQ(Line("a %NO_SUCH%"), "character 3: there is no command %NO_SUCH%");
  EXPECT_EQ(Line("%TRACE_ID%"), "character 1: this proxy does not support the command %TRACE_ID%");
  EXPECT_EQ(Line("50% of it"), "character 3: a % that begins no command; write %% for a percent sign");
  EXPECT_EQ(Line("%PROTOCOL"), "character 1: the command %PROTOCOL is not closed by a percent sign");
  EXPECT_EQ(Line("%REQ(a%"), "character 1: the argument of %REQ(… is not closed by )%");
  EXPECT_EQ(Line("%PROTOCOL(x)%"), "character 1: %PROTOCOL% takes no argument");
  EXPECT_EQ(Line("%REQ()%"), "character 1: %REQ(HEADER)% needs the name of a header");
  EXPECT_EQ(Json({{"ok", "x"}, {"bad", "%NO%"}}), "json_format[\"bad\"]: character 1: there is no command %NO%");
}

}  // namespace
}  // namespace weft::telemetry
