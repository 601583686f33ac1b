// For the tests of schema/: reads a text into a message and gives the problems as text.
#ifndef WEFT_SCHEMA_TEST_TEXT_H_
#define WEFT_SCHEMA_TEST_TEXT_H_

#include <string>
#include <string_view>

#include "google/protobuf/message.h"
#include "schema/document.h"

namespace weft::schema {

// The problems of reading `text` as a file called "f"; empty when there are none.
inline std::string Wrong(std::string_view text, google::protobuf::Message* message, Options options = {}) {
  options.file = "f";
  return std::string(ReadText(text, options, message).message());
}

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_TEST_TEXT_H_
