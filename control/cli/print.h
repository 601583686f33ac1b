// Objects as people and programs read them.
#ifndef WEFT_CONTROL_CLI_PRINT_H_
#define WEFT_CONTROL_CLI_PRINT_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/cli/session.h"
#include "google/protobuf/message.h"
#include "weft/v1/objects.pb.h"

namespace weft::cli {

// One message as JSON or YAML (in.format) on stdout; the exit code.
int PrintMessage(const google::protobuf::Message& message, Session* session);

// Objects in the form of Kubernetes: one as itself, when `one` is set, else as a `kind: List`.
int PrintObjects(const std::vector<weft::v1::Object>& objects, bool one, Session* session);

// A table for each kind among `objects`.
void PrintTables(const std::vector<weft::v1::Object>& objects, bool with_namespace, bool wide, absl::Time now,
                 std::ostream& out);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_PRINT_H_
