// For the tests of the conversions: messages written as YAML.
#ifndef WEFT_PROXY_CONFIG_FROM_XDS_TEST_TEXT_H_
#define WEFT_PROXY_CONFIG_FROM_XDS_TEST_TEXT_H_

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/config/from_xds.h"
#include "schema/document.h"

namespace weft::config {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  const absl::Status status = schema::ReadText(text, {}, &message);
  EXPECT_TRUE(status.ok()) << status << "\n" << text;
  return message;
}

// The spec of a message that is right.
template <typename Message, typename Spec>
Spec Right(Spec (*convert)(const Message&, Findings*), const std::string& text) {
  Findings findings;
  Spec spec = convert(Parse<Message>(text), &findings);
  EXPECT_EQ(findings.ToString(), "") << text;
  return spec;
}

template <typename Message, typename Spec>
std::string Wrong(Spec (*convert)(const Message&, Findings*), const std::string& text) {
  Findings findings;
  convert(Parse<Message>(text), &findings);
  return findings.ToString();
}

template <typename Message, typename Spec>
std::vector<std::string> NotedFields(Spec (*convert)(const Message&, Findings*), const std::string& text) {
  Findings findings;
  convert(Parse<Message>(text), &findings);
  EXPECT_TRUE(findings.ok()) << findings.ToString();
  std::vector<std::string> fields;
  for (const FieldProblem& note : findings.notes) fields.push_back(note.field);
  return fields;
}

inline constexpr char kType[] = "\"@type\": type.googleapis.com/envoy.extensions.";

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_FROM_XDS_TEST_TEXT_H_
