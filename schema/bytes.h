// A message's bytes with the entries of its maps in order: the same text always makes the same bytes, and so the same
// content hash. Any thread. Private to schema/.
#ifndef WEFT_SCHEMA_BYTES_H_
#define WEFT_SCHEMA_BYTES_H_

#include <string>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/message.h"

namespace weft::schema {

inline std::string Bytes(const google::protobuf::Message& message) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return out;
}

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_BYTES_H_
