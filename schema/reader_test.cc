#include "gmock/gmock.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "schema/test_text.h"
#include "schema/write.h"
#include "testing/v1/every_field.pb.h"

namespace weft::schema {
namespace {

using ::testing::HasSubstr;

class ReaderTest : public ::testing::Test {
 protected:
  // The message as JSON, or what was wrong.
  std::string Read(std::string_view text, Options options = {}) {
    weft::testing::v1::EveryField message;
    const std::string wrong = Wrong(text, &message, std::move(options));
    if (!wrong.empty()) return wrong;
    const auto json = ToJson(message, Spelling::kProto);
    return json.ok() ? *json : std::string(json.status().message());
  }
};

TEST_F(ReaderTest, BothSpellingsOfAField) {
  EXPECT_EQ(Read("stat_prefix: x"), R"({"stat_prefix":"x"})");
  EXPECT_EQ(Read("statPrefix: x"), R"({"stat_prefix":"x"})");
  EXPECT_EQ(Read("{\"statPrefix\": \"x\"}"), R"({"stat_prefix":"x"})");
  EXPECT_EQ(Read("$odd: x"), R"({"odd":"x"})");
  EXPECT_EQ(Read("stat_prefix: x\nstatPrefix: y"), "f:2:1: statPrefix: the same field as \"stat_prefix\" in line 1");
  EXPECT_EQ(Read("stat_prefix: x\nflag: true\nstat_prefix: x"),
            "f:3:1: stat_prefix: written twice; it stands in line 1 already");
}

TEST_F(ReaderTest, UnknownFieldNamesItsPathAndTheNearest) {
  EXPECT_EQ(Read("child:\n  children:\n    - stat_prefx: a"),
            "f:3:7: child.children[0].stat_prefx: unknown field \"stat_prefx\" in weft.testing.v1.EveryField; did you "
            "mean \"stat_prefix\"?");
  EXPECT_EQ(
      Read("statPrefxi: a"),
      "f:1:1: statPrefxi: unknown field \"statPrefxi\" in weft.testing.v1.EveryField; did you mean \"statPrefix\"?");
  EXPECT_THAT(Read("wholly_other: a"), HasSubstr("; expected one of flag, small, port_value,"));
  EXPECT_THAT(Read("gone_away: 1"),
              HasSubstr("gone_away: is no longer a field of weft.testing.v1.EveryField; remove it"));
  EXPECT_EQ(
      Read("statprefixx: a", {.unit_durations = true}),
      "f:1:1: statprefixx: unknown field \"statprefixx\" in weft.testing.v1.EveryField; did you mean \"statPrefix\"?");
}

TEST_F(ReaderTest, NoProblemStandsBehindTheLastLine) {
  EXPECT_THAT(Read("stat_prefix: x\n?"), HasSubstr("f:2:"));  // yaml-cpp takes what follows for the key
}

TEST_F(ReaderTest, FieldKnownToEnvoy) {
  const auto list = UnsupportedFields::Parse(
      "weft.testing.v1.EveryField udp_listener_config\nweft.testing.v1.EveryField.Color PINK\nt.Other *\n");
  ASSERT_TRUE(list.ok());
  const Options options{.unsupported = &*list};
  EXPECT_EQ(Read("child: {udp_listener_config: {}}", options),
            "f:1:9: child.udp_listener_config: known to Envoy, not supported by Weft yet; remove it");
  EXPECT_THAT(Read("udpListenerConfig: {}", options), HasSubstr("known to Envoy, not supported"));
  EXPECT_EQ(Read("color: PINK", options), "f:1:8: color: \"PINK\" is known to Envoy, not supported by Weft yet");
  EXPECT_THAT(Read("any: {'@type': type.googleapis.com/t.Other}", options),
              HasSubstr("any.@type: \"t.Other\" is known to Envoy, not supported by Weft yet"));
}

TEST_F(ReaderTest, AllProblemsAreReported) {
  EXPECT_EQ(Read("flag: maybe\nsmall: x\nchild:\n  flagg: 1\n  colour: RED"),
            "f:1:7: flag: expected true or false, found the text \"maybe\"\n"
            "f:2:8: small: expected a whole number from -2147483648 to 2147483647, found the text \"x\"\n"
            "f:4:3: child.flagg: unknown field \"flagg\" in weft.testing.v1.EveryField; did you mean \"flag\"?\n"
            "f:5:3: child.colour: unknown field \"colour\" in weft.testing.v1.EveryField; did you mean \"color\"?");
}

TEST_F(ReaderTest, ProblemsAreBounded) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "x" + std::to_string(i) + ": 1\n";
  Options options;
  options.limits.max_problems = 3;
  const std::string wrong = Read(text, options);
  EXPECT_THAT(wrong, HasSubstr("f:3:1"));
  EXPECT_EQ(wrong.find("f:4:1"), wrong.npos);
  EXPECT_THAT(wrong, HasSubstr("\nand 47 more"));
}

TEST_F(ReaderTest, Numbers) {
  EXPECT_EQ(
      Read("{small: -2147483648, port_value: 4294967295, big: -9223372036854775808, huge: 18446744073709551615}"),
      R"({"small":-2147483648,"port_value":4294967295,"big":"-9223372036854775808","huge":"18446744073709551615"})");
  EXPECT_EQ(Read(R"({"big": "9007199254740993", "small": "7"})"), R"({"small":7,"big":"9007199254740993"})");
  EXPECT_EQ(Read("{small: 0x1F, port_value: 1e3, big: 5.0, huge: 0o17}"),
            R"({"small":31,"port_value":1000,"big":"5","huge":"15"})");
  EXPECT_EQ(Read("{ratio: 1.5, precise: 2}"), R"({"ratio":1.5,"precise":2})");
  EXPECT_EQ(Read("{ratio: .inf, precise: '-Infinity'}"), R"({"ratio":"Infinity","precise":"-Infinity"})");
  for (const char* text : {"port_value: -1", "port_value: 4294967296", "port_value: 1.5", "port_value: ''",
                           "port_value: true", "port_value: [1]", "port_value: 010", "port_value: 1_000",
                           "port_value: 1e99", "port_value: 0x", "port_value: 0x-1", "port_value: +-1"}) {
    EXPECT_THAT(Read(text), HasSubstr("f:1:13: port_value: expected a whole number from 0 to 4294967295, found "))
        << text;
  }
  EXPECT_THAT(Read("huge: 18446744073709551616"), HasSubstr("expected a whole number"));
  EXPECT_THAT(Read("big: 9223372036854775808"), HasSubstr("expected a whole number"));
  EXPECT_THAT(Read("ratio: 1e39"), HasSubstr("a float of 32 bits"));
  EXPECT_THAT(Read("precise: 1e999"), HasSubstr("expected a number"));
  EXPECT_THAT(Read("precise: much"), HasSubstr("expected a number, found the text \"much\""));
}

TEST_F(ReaderTest, TextMustNotLookLikeSomethingElse) {
  EXPECT_EQ(Read("stat_prefix: 8080"), "f:1:14: stat_prefix: expected text: write \"8080\", found the number 8080");
  EXPECT_THAT(Read("stat_prefix: true"), HasSubstr("write \"true\", found the boolean true"));
  EXPECT_THAT(Read("stat_prefix: 1.10"), HasSubstr("write \"1.10\", found the number 1.10"));
  EXPECT_THAT(Read("stat_prefix: [a]"), HasSubstr("expected text, found a list"));
  EXPECT_EQ(Read("stat_prefix: no"), R"({"stat_prefix":"no"})");
  EXPECT_EQ(Read("stat_prefix: 10.0.0.1"), R"({"stat_prefix":"10.0.0.1"})");
  EXPECT_EQ(Read("stat_prefix: \"8080\""), R"({"stat_prefix":"8080"})");
  EXPECT_EQ(Read("stat_prefix: !!str 8080"), R"({"stat_prefix":"8080"})");
  EXPECT_EQ(Read("stat_prefix: |\n  a\n  b\n"), R"({"stat_prefix":"a\nb\n"})");
  EXPECT_EQ(Read("stat_prefix: 8080", {.int_or_text = {"weft.testing.v1.EveryField.stat_prefix"}}),
            R"({"stat_prefix":"8080"})");
  EXPECT_THAT(Read("stat_prefix: 1.5", {.int_or_text = {"weft.testing.v1.EveryField.stat_prefix"}}),
              HasSubstr("expected text"));
}

TEST_F(ReaderTest, BooleansAreTrueAndFalseOnly) {
  EXPECT_EQ(Read("flag: true"), R"({"flag":true})");
  EXPECT_EQ(Read("flag: False"), "{}");
  for (const char* text : {"flag: yes", "flag: on", "flag: 1", "flag: 'true'", "flag: {}"}) {
    EXPECT_THAT(Read(text), HasSubstr("flag: expected true or false, found ")) << text;
  }
}

TEST_F(ReaderTest, EnumsByNameOrNumber) {
  EXPECT_EQ(Read("{color: DARK_BLUE, colors: [GREEN, 7]}"), R"({"color":"DARK_BLUE","colors":["GREEN","DARK_BLUE"]})");
  EXPECT_EQ(Read("color: dark_blue"),
            "f:1:8: color: the text \"dark_blue\" is no value of weft.testing.v1.EveryField.Color; did you mean "
            "\"DARK_BLUE\"?");
  EXPECT_THAT(
      Read("color: 3"),
      HasSubstr("the number 3 is no value of weft.testing.v1.EveryField.Color; expected one of RED, GREEN, DARK_BLUE"));
  EXPECT_THAT(Read("color: {a: b}"),
              HasSubstr("expected one word (weft.testing.v1.EveryField.Color), found a mapping"));
}

TEST_F(ReaderTest, Bytes) {
  EXPECT_EQ(Read("blob: aGk="), R"({"blob":"aGk="})");
  EXPECT_EQ(Read("blob: -_8="), R"({"blob":"+/8="})");
  EXPECT_THAT(Read("blob: 'a b!'"), HasSubstr("blob: expected bytes in base64, found the text \"a b!\""));
}

TEST_F(ReaderTest, NullIsAbsent) {
  EXPECT_EQ(Read("flag:\nchild: ~\nnames: null\nlabels:\nlimit: null\n"), "{}");
  EXPECT_EQ(Read("value: null\nvalues: [null, 1]"), R"({"value":null,"values":[null,1]})");
  EXPECT_THAT(Read("names: [a, null]"), HasSubstr("f:1:12: names[1]: a list cannot hold null"));
  EXPECT_THAT(Read("labels: {a: }"), HasSubstr("labels[\"a\"]: expected a value, found null"));
  EXPECT_THAT(Read("children: [null]"),
              HasSubstr("children[0]: expected a mapping (weft.testing.v1.EveryField), found null"));
}

TEST_F(ReaderTest, ShapesThatDoNotFit) {
  EXPECT_EQ(Read("names: a"), "f:1:8: names: expected a list, found the text \"a\"");
  EXPECT_EQ(Read("labels: [a]"), "f:1:9: labels: expected a mapping, found a list");
  EXPECT_EQ(Read("child: 5"), "f:1:8: child: expected a mapping (weft.testing.v1.EveryField), found the number 5");
  EXPECT_EQ(Read("- a"), "f:1:1: expected a mapping (weft.testing.v1.EveryField), found a list");
  EXPECT_EQ(Read("{[a]: b}"), "f:1:2: a field name must be plain text");
}

TEST_F(ReaderTest, Maps) {
  EXPECT_EQ(Read("labels: {app: web, '1': x, true: y}"), R"({"labels":{"1":"x","app":"web","true":"y"}})");
  EXPECT_EQ(Read("by_port: {80: {flag: true}}"), R"({"by_port":{"80":{"flag":true}}})");
  EXPECT_EQ(Read("{\"by_port\": {\"80\": {}}, \"by_flag\": {\"true\": 3}}"),
            R"({"by_port":{"80":{}},"by_flag":{"true":3}})");
  EXPECT_EQ(Read("by_port:\n  http: {}"),
            "f:2:3: by_port[\"http\"]: expected a whole number from 0 to 4294967295, found the text \"http\"");
  EXPECT_EQ(Read("labels: {a: b, a: c}"), "f:1:16: labels.a: written twice; it stands in line 1 already");
  EXPECT_THAT(Read("by_port: {80: {nope: 1}}"), HasSubstr("by_port[\"80\"].nope: unknown field"));
}

TEST_F(ReaderTest, OneofConflict) {
  EXPECT_EQ(Read("route: a\nredirect: {}"),
            "f:2:1: redirect: cannot stand beside route; use only one of route, redirect");
  EXPECT_EQ(Read("maybe: a\nroute: b"), R"({"route":"b","maybe":"a"})");
  EXPECT_EQ(Read("route: a\nredirect: null"), R"({"route":"a"})");
}

TEST_F(ReaderTest, DurationsAndTimes) {
  EXPECT_EQ(Read("timeout: 1.5s"), R"({"timeout":"1.500s"})");
  EXPECT_EQ(Read("timeout: -0.25s"), R"({"timeout":"-0.250s"})");
  EXPECT_EQ(Read("timeout: 0s"), R"({"timeout":"0s"})");
  for (const char* text :
       {"timeout: 15", "timeout: 500ms", "timeout: 1m", "timeout: s", "timeout: 1.s", "timeout: .5s",
        "timeout: 315576000001s", "timeout: 1.0000000001s", "timeout: 1e3s", "timeout: {seconds: 1}"}) {
    EXPECT_THAT(Read(text), HasSubstr("timeout: expected a duration in seconds such as 1.5s")) << text;
  }
  EXPECT_EQ(Read("timeout: 1h30m0.5s", {.unit_durations = true}), R"({"timeout":"5400.500s"})");
  EXPECT_EQ(Read("timeout: 500ms", {.unit_durations = true}), R"({"timeout":"0.500s"})");
  EXPECT_THAT(Read("timeout: inf", {.unit_durations = true}), HasSubstr("expected a duration"));
  EXPECT_EQ(Read("time: 2026-01-31T12:00:00.5Z"), R"({"time":"2026-01-31T12:00:00.500Z"})");
  EXPECT_THAT(Read("time: yesterday"), HasSubstr("expected a time such as"));
}

TEST_F(ReaderTest, Wrappers) {
  EXPECT_EQ(Read("{limit: 5, on: true, text: x, raw: aGk=}"), R"({"limit":5,"on":true,"text":"x","raw":"aGk="})");
  EXPECT_EQ(Read("limit: 0"), R"({"limit":0})");
  EXPECT_THAT(Read("limit: {value: 5}"), HasSubstr("limit: expected the value itself, not a mapping"));
  EXPECT_THAT(Read("limit: 4294967296"), HasSubstr("limit: expected a whole number from 0 to 4294967295"));
}

TEST_F(ReaderTest, StructsAndValues) {
  EXPECT_EQ(Read("metadata: {a: 1, b: '1', c: [true, ~, x], d: {e: 1.5}}"),
            R"({"metadata":{"a":1,"b":"1","c":[true,null,"x"],"d":{"e":1.5}}})");
  EXPECT_EQ(Read("{value: text, list: [1, {a: []}]}"), R"({"value":"text","list":[1,{"a":[]}]})");
  EXPECT_THAT(Read("metadata: {a: {b: .nan}}"), HasSubstr("metadata.a.b: expected a number that JSON can hold"));
  EXPECT_THAT(Read("metadata: [1]"), HasSubstr("metadata: expected a mapping, found a list"));
  EXPECT_THAT(Read("metadata: {a: 1, a: 2}"), HasSubstr("metadata.a: written twice"));
}

TEST_F(ReaderTest, AnyByItsType) {
  EXPECT_EQ(Read("any: {'@type': type.googleapis.com/google.protobuf.Duration, value: 3s}"),
            R"({"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"3s"}})");
  EXPECT_EQ(Read("any: {}"), R"({"any":{}})");
  EXPECT_EQ(Read("any: {a: 1}"), "f:1:6: any: \"@type\" is missing: it says which message this is");
  EXPECT_EQ(Read("any:\n  '@type': type.googleapis.com/no.Such"),
            "f:2:12: any.@type: unknown message type \"no.Such\"");
  EXPECT_THAT(Read("any: {'@type': Duration}"), HasSubstr("expected type.googleapis.com/ and a message's name"));
  EXPECT_THAT(Read("any: {'@type': type.googleapis.com/google.protobuf.Duration, seconds: 3}"),
              HasSubstr("any.seconds: unknown field; a google.protobuf.Duration stands under \"value\""));
}

TEST_F(ReaderTest, AliasesAndMergeKeys) {
  EXPECT_EQ(Read("child: &a {small: 1, names: [x]}\nchildren: [*a, {<<: *a, small: 2}]"),
            R"({"child":{"small":1,"names":["x"]},"children":[{"small":1,"names":["x"]},{"small":2,"names":["x"]}]})");
  EXPECT_EQ(Read("labels: &l {a: b}\nchild: {labels: {<<: [*l, {a: c, d: e}]}}"),
            R"({"labels":{"a":"b"},"child":{"labels":{"a":"b","d":"e"}}})");
  EXPECT_THAT(Read("child: {<<: 5}"), HasSubstr("child: expected a mapping to merge, found the number 5"));
  EXPECT_THAT(Read("stat_prefix: *nothing"), HasSubstr("f:1:14: not valid YAML"));
  EXPECT_THAT(Read("metadata: &a {b: *a}"), HasSubstr("f:1:18: this alias stands inside its own anchor"));
}

TEST_F(ReaderTest, SourceMapFindsFieldsAndTheirParents) {
  weft::testing::v1::EveryField message;
  SourceMap map;
  ASSERT_TRUE(
      ReadText("# a bootstrap\nchild:\n  children:\n  - flag: true\n  - stat_prefix: x\n    labels:\n      A_b: c\n",
               {.file = "f"}, &message, &map)
          .ok());
  EXPECT_EQ(map.Find("child.children[1].stat_prefix"), (Location{5, 18}));
  EXPECT_EQ(map.Find("child.children[1].statPrefix"), (Location{5, 18}));
  EXPECT_EQ(map.Find("child.children[1]"), (Location{5, 5}));
  EXPECT_EQ(map.Find("child.children[1].child.small"), (Location{5, 5}));
  EXPECT_EQ(map.Find("child.children[7]"), (Location{3, 3}));
  EXPECT_EQ(map.Find("child.children[1].labels[\"A_b\"]"), (Location{7, 12}));
  EXPECT_EQ(map.Find("child.children[1].labels[\"ab\"]"), (Location{6, 5}));
  EXPECT_EQ(map.Find("small"), (Location{2, 1}));
  EXPECT_EQ(map.MakeProblem("child.children[0].flag", "is wrong").ToString(),
            "f:4:11: child.children[0].flag: is wrong");
}

TEST_F(ReaderTest, MessageThatIsNotGenerated) {
  google::protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<google::protobuf::Message> message(
      factory.GetPrototype(weft::testing::v1::EveryField::descriptor())->New());
  EXPECT_EQ(Wrong("{timeout: 1s, metadata: {a: [1]}, any: {'@type': type.googleapis.com/google.protobuf.BoolValue, "
                  "value: true}}",
                  message.get()),
            "");
  EXPECT_EQ(
      *ToJson(*message, Spelling::kProto),
      R"({"any":{"@type":"type.googleapis.com/google.protobuf.BoolValue","value":true},"timeout":"1s","metadata":{"a":[1]}})");
}

}  // namespace
}  // namespace weft::schema
