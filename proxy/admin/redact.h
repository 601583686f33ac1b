// Takes secrets out of xDS messages before anybody sees them: private keys, passwords, tickets' keys, credentials in
// headers.
#ifndef WEFT_PROXY_ADMIN_REDACT_H_
#define WEFT_PROXY_ADMIN_REDACT_H_

#include "google/protobuf/message.h"

namespace weft::admin {

inline constexpr char kRedacted[] = "[redacted]";

// Goes through the whole message, also into every Any whose type this program links (one that it does not link is
// emptied: it may hold anything). File names stay: they are no secrets, and people look for them.
void Redact(google::protobuf::Message* message);

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_REDACT_H_
