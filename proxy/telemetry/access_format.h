// AccessFormat: a format of the access log in Envoy's language (%REQ(USER-AGENT)%, %DURATION%, …), compiled once per
// configuration, then immutable; any thread. docs/operating.md lists the commands.
#ifndef WEFT_PROXY_TELEMETRY_ACCESS_FORMAT_H_
#define WEFT_PROXY_TELEMETRY_ACCESS_FORMAT_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/telemetry/access_record.h"
#include "proxy/telemetry/time_format.h"

namespace weft::telemetry {

struct AccessCommand;  // one row of the table of commands

class AccessFormat {
 public:
  // Empty: Envoy's default format. The error names the command and where it stands.
  static absl::StatusOr<std::shared_ptr<const AccessFormat>> FromText(std::string_view text);
  // One JSON object per line with these keys, in their order. A value that is one command alone keeps its type: numbers
  // are numbers, what is not known is null. The error names the key too.
  static absl::StatusOr<std::shared_ptr<const AccessFormat>> FromJson(
      const std::vector<std::pair<std::string, std::string>>& fields);

  // Appends one line, with its end.
  void Append(const AccessRecord& record, std::string* line) const;

 private:
  struct Part {
    const AccessCommand* command = nullptr;  // null: literal text
    std::string text;                        // the literal, or the argument (lower case for header names)
    std::string alternative;                 // the second header name of REQ(X?Y)
    size_t limit = std::string::npos;        // :Z
    std::shared_ptr<const TimeFormat> time;
  };
  struct Field {
    std::string key;  // as JSON, with ": " behind it
    std::vector<Part> parts;
  };

  static absl::StatusOr<std::vector<Part>> Parse(std::string_view text);
  static absl::StatusOr<Part> ParseCommand(std::string_view text, size_t* at);
  // False: not known. Sets *number when the value is a number.
  static bool Value(const Part& part, const AccessRecord& record, std::string* out, bool* number);
  static bool HeaderValue(const Part& part, const AccessRecord& record, std::string* out);
  static void AppendText(const std::vector<Part>& parts, const AccessRecord& record, std::string* out);

  std::vector<Part> text_;
  std::vector<Field> json_;  // when it is JSON
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_ACCESS_FORMAT_H_
