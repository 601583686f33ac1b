#include "schema/document.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "schema/test_text.h"

namespace weft::schema {
namespace {

using ::testing::HasSubstr;

// Every document of `text` as JSON, one a line, then the problems.
std::string All(std::string_view text, Options options = {}) {
  options.file = "f";
  Problems problems;
  std::string out;
  for (const Document& document : Load(text, options, &problems)) {
    const auto json = document.ToJson();
    out += (json.ok() ? *json : std::string(json.status().message())) + "\n";
  }
  return out + problems.ToString();
}

TEST(DocumentTest, StreamOfDocumentsKeepsItsLines) {
  Problems problems;
  const auto documents =
      Load("# head\na: 1\n---\n# only a comment\n---\n\nb: 2\n...\nc: 3\n--- {d: 4}\n---\n", {}, &problems);
  ASSERT_TRUE(problems.empty()) << problems.ToString();
  ASSERT_EQ(documents.size(), 4u);
  EXPECT_EQ(documents[0].at(), (Location{2, 1}));
  EXPECT_EQ(documents[1].at(), (Location{7, 1}));
  EXPECT_EQ(documents[2].at(), (Location{9, 1}));
  EXPECT_EQ(documents[3].at(), (Location{10, 5}));
  EXPECT_EQ(documents[3].Text("d"), "4");
}

TEST(DocumentTest, OneBadDocumentDoesNotHideTheOthers) {
  EXPECT_THAT(All("a: 1\n---\nb: [1\n---\nc: 3\n---\nd: }\n"),
              ::testing::AllOf(HasSubstr("{\"a\":1}\n{\"c\":3}\n"), HasSubstr("f:3:4: what begins here is not ended"),
                               HasSubstr("f:7:4: not valid YAML")));
}

TEST(DocumentTest, SomethingAfterTheEndIsNoSecondDocument) {
  EXPECT_EQ(All("{\"a\": 1} {\"b\": 2}"),
            "f:1:10: something follows the end of the document; separate documents by ---");
}

TEST(DocumentTest, EmptyTexts) {
  EXPECT_EQ(All(""), "");
  EXPECT_EQ(All("# nothing\n---\n---\n~\n"), "");
  google::protobuf::Struct message;
  EXPECT_EQ(Wrong("\n# nothing\n", &message), "f:1:1: nothing is written here; expected a google.protobuf.Struct");
  EXPECT_EQ(Wrong("a: 1\n---\nb: 1", &message), "f:3:1: a second document; expected one");
}

TEST(DocumentTest, LooksFieldsUp) {
  Problems problems;
  const auto documents =
      Load("kind: HTTPRoute\nmetadata:\n  name: reviews\n  labels: {a: b}\n", {.file = "f"}, &problems);
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].Text("kind"), "HTTPRoute");
  EXPECT_EQ(documents[0].Text("metadata.name"), "reviews");
  EXPECT_EQ(documents[0].Text("metadata.labels.a"), "b");
  EXPECT_EQ(documents[0].Text("metadata.labels"), "");
  EXPECT_EQ(documents[0].Text("spec.name"), "");
  documents[0].Report("metadata.namespace", "is missing", &problems);
  EXPECT_EQ(problems.ToString(), "f:2:1: metadata.namespace: is missing");
}

TEST(DocumentTest, ElementsOfAList) {
  Problems problems;
  const auto documents = Load("kind: List\nitems:\n- kind: A\n- kind: B\n", {}, &problems);
  const auto elements = documents.at(0).Elements("items");
  ASSERT_EQ(elements.size(), 2u);
  EXPECT_EQ(elements[1].Text("kind"), "B");
  EXPECT_EQ(elements[1].at(), (Location{4, 3}));
  EXPECT_TRUE(documents.at(0).Elements("kind").empty());
}

TEST(DocumentTest, Json) {
  EXPECT_EQ(All("{\"a\": \"\\u00e9 \\ud83d\\ude00 \\/ \\\\ud83d\", \"b\": [1, -2.5e3, true, null, \"x\"]}"),
            "{\"a\":\"é 😀 / \\\\ud83d\",\"b\":[1,-2500,true,null,\"x\"]}\n");
  EXPECT_EQ(All("{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": []\n\t}\n}\n"), "{\"a\":1,\"b\":{\"c\":[]}}\n");
  EXPECT_EQ(All("{\"a\":1,\"b\":\"c\"}"), "{\"a\":1,\"b\":\"c\"}\n");
  EXPECT_EQ(All("a: 18446744073709551615\nb: 007\n"), "line 2: JSON has no number 007\n");
  EXPECT_THAT(All("{\"a\": \"\\ud83d\"}"), HasSubstr("f:1:"));
}

TEST(DocumentTest, TextThatIsNoText) {
  EXPECT_EQ(All("a: 1\nb: \xff\n"), "f:2:4: the byte 0xff is not valid UTF-8");
  EXPECT_EQ(All("a: \xed\xa0\x80"), "f:1:4: the byte 0xed is not valid UTF-8");
  EXPECT_EQ(All("a: \xc0\x80"), "f:1:4: the byte 0xc0 is not valid UTF-8");
  EXPECT_EQ(All("a: 1\n\x04 b: 2\n"), "f:2:1: the control character 0x04; is this a text file?");
  EXPECT_EQ(All(std::string_view("a: \0", 4)), "f:1:4: the control character 0x00; is this a text file?");
  EXPECT_EQ(All("\xEF\xBB\xBF"
                "a: é"),
            "{\"a\":\"é\"}\n");
  EXPECT_EQ(All("a: 1\r\nb: 2\r\n---\r\nc: 3\r\n"), "{\"a\":1,\"b\":2}\n{\"c\":3}\n");
}

TEST(DocumentTest, SyntaxErrorsNameTheirPlace) {
  EXPECT_EQ(All("a:\n\tb: 1\n"), "f:2:3: not valid YAML: a tab indents this line; use spaces");
  EXPECT_EQ(All("a:\n- [b\n- c: d\n  e: f\n"), "f:2:3: what begins here is not closed before line 3");
  EXPECT_EQ(All("a: {x: '}', y: \"]\"}  # [\nb:\n- [c, d]\n- [e\n- f: g\n  h:\n  - i: j\n"),
            "f:4:3: what begins here is not closed before line 7");
  EXPECT_THAT(All("a: b: c\n"), HasSubstr("f:1:5: not valid YAML or JSON: "));
  EXPECT_EQ(All("a: 1\nb: \"c\n"), "f:2:4: this quote is never closed");
  EXPECT_EQ(All("a: 'b\n---\nc: 1"), "{\"c\":1}\nf:1:4: this quote is never closed");
  EXPECT_THAT(All("a: !Secret b\n"), HasSubstr("f:1:4: the tag \"!Secret\" is not supported"));
  EXPECT_THAT(All("a: !Secret {b: c}\n"), HasSubstr("the tag \"!Secret\" is not supported"));
  EXPECT_THAT(All("a: 1\n b: 2\n"), HasSubstr("f:2:"));
}

TEST(LimitsTest, Bytes) {
  Options options;
  options.limits.max_bytes = 10;
  EXPECT_EQ(All("a: 1234567", options), "{\"a\":1234567}\n");
  EXPECT_EQ(All("a: 12345678", options), "f: has 11 bytes; at most 10 are read");
}

TEST(LimitsTest, Documents) {
  Options options;
  options.limits.max_documents = 2;
  EXPECT_EQ(All("1\n---\n2\n", options), "1\n2\n");
  EXPECT_EQ(All("1\n---\n2\n---\n3\n---\n4\n", options), "1\n2\nf:4:1: more than 2 documents; split the file");
}

TEST(LimitsTest, Depth) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(All(nested(48)), nested(48) + "\n");
  EXPECT_EQ(All(nested(49)), "f:1:49: nested deeper than 48 levels");
  EXPECT_EQ(All(nested(100000)), "f:1:49: nested deeper than 48 levels");
  google::protobuf::Struct message;
  std::string text;
  for (int i = 0; i < 40; ++i) text += "{a: ";
  text += std::string(40, '}');
  EXPECT_THAT(Wrong(text, &message), HasSubstr("nested deeper than 48 levels"));
}

TEST(LimitsTest, WhatIsAcceptedCanBeReadBack) {
  google::protobuf::Value message;
  std::string text = "1";
  while (true) {
    text = "{a: [" + text + "]}";
    google::protobuf::Value next;
    if (!Wrong(text, &next).empty()) break;
    message = next;
  }
  EXPECT_TRUE(google::protobuf::Value().ParseFromString(message.SerializeAsString()));
}

TEST(LimitsTest, Nodes) {
  Options options;
  options.limits.max_nodes = 4;
  EXPECT_EQ(All("[1, 2, 3]", options), "[1,2,3]\n");
  EXPECT_EQ(All("[1, 2, 3, 4]", options), "f:1:11: more than 4 values in one file; split it");
}

std::string Laughs(int levels) {
  std::string text = "a0: &a0 x\n";
  for (int i = 1; i <= levels; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 1; j < 10; ++j) text += ", " + last;
    text += "]\n";
  }
  return text;
}

TEST(LimitsTest, BillionLaughs) {
  google::protobuf::Struct message;
  EXPECT_EQ(Wrong(Laughs(2), &message), "");
  const std::string wrong = Wrong(Laughs(9), &message);
  EXPECT_THAT(wrong, HasSubstr("aliases make more than 100000 values; write them out"));
  EXPECT_EQ(wrong.find('\n'), wrong.npos);
  EXPECT_THAT(All(Laughs(9)), HasSubstr("aliases make too many values"));
}

TEST(LimitsTest, MergeKeysCountToo) {
  std::string text = "a: &a {b: 1, c: 2}\nd:\n  <<: [";
  for (int i = 0; i < 1000; ++i) text += "*a,";
  text += "]\n";
  google::protobuf::Struct message;
  Options options;
  options.limits.max_alias_nodes = 500;
  EXPECT_THAT(Wrong(text, &message, options), HasSubstr("aliases make more than 500 values"));
}

TEST(ReadFileTest, SaysWhatIsWrongWithTheFile) {
  char directory[] = "/tmp/weft_schema_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/a.yaml";
  std::ofstream(path) << "a: 1\n";
  EXPECT_EQ(*ReadFile(path), "a: 1\n");
  EXPECT_EQ(ReadFile(path, {.max_bytes = 4}).status().message(), path + ": has more than 4 bytes");
  EXPECT_EQ(ReadFile(path + "x").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadFile(path + "x").status().message(), path + "x: No such file or directory");
  EXPECT_EQ(ReadFile(directory).status().message(), std::string(directory) + ": is a directory, not a file");
  unlink(path.c_str());
  rmdir(directory);
}

TEST(ProblemTest, TextOfUsersIsShownSafely) {
  EXPECT_EQ(Quoted("a\"b\\c\n\x01\x7f"), "\"a\\\"b\\\\c\\n\\x01\\x7f\"");
  EXPECT_EQ(Quoted("aé", 2), "\"a…\"");
  EXPECT_EQ((Problem{.file = "f", .what = "bad"}).ToString(), "f: bad");
}

}  // namespace
}  // namespace weft::schema
