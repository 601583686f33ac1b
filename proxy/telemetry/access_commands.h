// The table of the access log's commands. Internal to telemetry/.
#ifndef WEFT_PROXY_TELEMETRY_ACCESS_COMMANDS_H_
#define WEFT_PROXY_TELEMETRY_ACCESS_COMMANDS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/telemetry/access_record.h"

namespace weft::telemetry {

struct AccessCommand {
  enum class Argument : uint8_t { kNone, kHeader, kTime, kName, kOptionalName };
  enum class Headers : uint8_t { kNotHeaders, kRequest, kResponse, kTrailer, kRequestPath };
  std::string_view name;
  Argument argument = Argument::kNone;
  Headers headers = Headers::kNotHeaders;
  bool number = false;
  // Appends the value; false: not known. `argument` as it was written. Null with Argument::kHeader and kTime.
  bool (*value)(const AccessRecord& record, std::string_view argument, std::string* out) = nullptr;
};

// Null: there is no such command.
const AccessCommand* FindAccessCommand(std::string_view name);
// True for commands that Envoy has and this proxy does not.
bool IsForeignAccessCommand(std::string_view name);

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_ACCESS_COMMANDS_H_
