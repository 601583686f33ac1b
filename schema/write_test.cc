#include "schema/write.h"

#include "google/protobuf/any.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "schema/document.h"
#include "schema/suggest.h"

namespace weft::schema {
namespace {

TEST(WriteTest, YamlInTheFormThatPeopleKnow) {
  const auto yaml = JsonToYaml(R"({"kind":"List","items":[{"a":"b","c":[1,2]},[["x"]],{}],"empty":[],"none":null,)"
                               R"("deep":{"er":{"key":"value"}},"flag":true,"n":1.5})");
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  EXPECT_EQ(*yaml,
            "kind: List\nitems:\n- a: b\n  c:\n  - 1\n  - 2\n- - - x\n- {}\nempty: []\nnone: null\ndeep:\n  er:\n"
            "    key: value\nflag: true\n\"n\": 1.5\n");
}

TEST(WriteTest, TextThatLooksLikeSomethingElseIsQuoted) {
  for (const char* text : {"",     "true", "no",   "ON",   "y",  "null", "~",   "12",   "1.5",   "0x10", "1e3",
                           "-",    "- a",  "a: b", "a #b", "#a", "&a",   "*a",  "!a",   "|",     ">",    "%a",
                           "@a",   "`a",   "[a",   "{a",   "a:", " a",   "a ",  "a\nb", "\"a\"", "'a'",  "2026-01-31",
                           "1:30", "=",    "<<",   "a\tb", "é",  "?",    "? a", ",a",   "---",   "..."}) {
    google::protobuf::Struct message;
    (*message.mutable_fields())["key"].set_string_value(text);
    (*message.mutable_fields())[text].set_string_value("value");
    const auto yaml = ToYaml(message, Spelling::kCamel);
    ASSERT_TRUE(yaml.ok()) << text << yaml.status();
    google::protobuf::Struct again;
    const absl::Status read = ReadText(*yaml, {}, &again);
    ASSERT_TRUE(read.ok()) << *yaml << read;
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(again, message)) << *yaml;
  }
}

TEST(WriteTest, PlainTextStaysPlain) {
  for (const char* text : {"reviews", "/path/to-it", "HTTPRoute", "a.b.svc.cluster.local", "spiffe://a/ns/b", "x:y"}) {
    EXPECT_EQ(*JsonToYaml("\"" + std::string(text) + "\""), std::string(text) + "\n");
  }
}

TEST(WriteTest, UnknownAnyIsAnErrorThatSaysSo) {
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/no.Such");
  any.set_value("x");
  EXPECT_EQ(ToJson(any, Spelling::kProto).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SuggestTest, NearestWord) {
  const std::vector<std::string> words = {"virtual_hosts", "domains", "routes", "name"};
  EXPECT_EQ(Nearest("virtualHosts", words), "virtual_hosts");
  EXPECT_EQ(Nearest("virtual_host", words), "virtual_hosts");
  EXPECT_EQ(Nearest("rotues", words), "routes");
  EXPECT_EQ(Nearest("nmae", words), "name");
  EXPECT_EQ(Nearest("timeout", words), "");
  EXPECT_EQ(Nearest(std::string(100000, 'a'), words), "");
  EXPECT_EQ(Suggestion("x", words, 2), "; expected one of virtual_hosts, domains …");
  EXPECT_EQ(Suggestion("x", {}), "");
}

TEST(UnsupportedTest, EnvoysListIsWellFormed) {
  EXPECT_GT(UnsupportedFields::OfEnvoy().size(), 0u);
  EXPECT_TRUE(UnsupportedFields::OfEnvoy().HasField("envoy.config.bootstrap.v3.Bootstrap", "statsSinks"));
}

TEST(UnsupportedTest, LineThatIsWrongIsNamed) {
  const auto parsed = UnsupportedFields::Parse("# a list\n\na.B c_d # why\na.B *\n a.B\n");
  EXPECT_EQ(parsed.status().message(), "line 5: expected a message and a field, found \" a.B\"");
}

}  // namespace
}  // namespace weft::schema
