// Takes key material out of messages that are shown. Pure functions.
#ifndef WEFT_PROXY_ASSEMBLE_REDACT_H_
#define WEFT_PROXY_ASSEMBLE_REDACT_H_

#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"

namespace weft::assemble {

// Every private key, password and session ticket key in it, whatever Any they lie in, becomes "[redacted]".
void Redact(google::protobuf::Message* message);
// An Any whose type is not linked in comes back without its value.
void RedactAny(google::protobuf::Any* any);

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_REDACT_H_
