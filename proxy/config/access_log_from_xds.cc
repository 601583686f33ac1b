// Access logs: envoy.extensions.access_loggers.file and .stream.
#include <algorithm>
#include <string>
#include <utility>

#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"
#include "proxy/telemetry/access_format.h"

namespace weft::config {
namespace {

namespace core = envoy::config::core::v3;
namespace loggers = envoy::extensions::access_loggers;
using Sink = AccessLogSpec::Sink;

// Flat: a nested mapping has no place in AccessLogSpec.
void ReadJson(const google::protobuf::Struct& format, const Place& place, AccessLogSpec* spec) {
  for (const auto& [key, value] : format.fields()) {
    switch (value.kind_case()) {
      case google::protobuf::Value::kStringValue: spec->json_format.emplace_back(key, value.string_value()); break;
      case google::protobuf::Value::kBoolValue:
        spec->json_format.emplace_back(key, value.bool_value() ? "true" : "false");
        break;
      default: place.Field(key).Unsupported("a value that is no text"); break;
    }
  }
  std::sort(spec->json_format.begin(), spec->json_format.end());  // as Envoy writes them
  if (spec->json_format.empty() && format.fields().empty()) place.Problem("there is no field in the format");
  const auto compiled = telemetry::AccessFormat::FromJson(spec->json_format);
  if (!compiled.ok()) place.Problem(std::string(compiled.status().message()));
}

void ReadText(const std::string& format, const Place& place, AccessLogSpec* spec) {
  spec->text_format = format;
  const auto compiled = telemetry::AccessFormat::FromText(format);
  if (!compiled.ok()) place.Problem(std::string(compiled.status().message()));
}

void ReadFormat(const core::SubstitutionFormatString& message, const Place& place, AccessLogSpec* spec) {
  CheckFields(
      message, place,
      {.read = {"text_format", "json_format", "text_format_source"}, .ignored = {"omit_empty_values", "content_type"}});
  switch (message.format_case()) {
    case core::SubstitutionFormatString::kTextFormat:
      ReadText(message.text_format(), place.Field("text_format"), spec);
      break;
    case core::SubstitutionFormatString::kJsonFormat:
      ReadJson(message.json_format(), place.Field("json_format"), spec);
      break;
    case core::SubstitutionFormatString::kTextFormatSource: {
      const Place source = place.Field("text_format_source");
      if (const auto text = ReadSource(message.text_format_source(), source)) ReadText(*text, source, spec);
      break;
    }
    case core::SubstitutionFormatString::FORMAT_NOT_SET:
      place.Problem("expected one of text_format, json_format, text_format_source");
      break;
  }
}

void ReadFile(const loggers::file::v3::FileAccessLog& message, const Place& place, AccessLogSpec* spec) {
  CheckFields(message, place, {.read = {"path", "format", "json_format", "typed_json_format", "log_format"}});
  spec->sink = message.path() == "/dev/stdout"   ? Sink::kStdout
               : message.path() == "/dev/stderr" ? Sink::kStderr
                                                 : Sink::kFile;
  if (spec->sink == Sink::kFile) spec->path = message.path();
  if (message.path().empty()) place.Field("path").Problem("the path of the log is empty");
  using File = loggers::file::v3::FileAccessLog;
  switch (message.access_log_format_case()) {
    case File::kFormat: ReadText(message.format(), place.Field("format"), spec); break;
    case File::kJsonFormat: ReadJson(message.json_format(), place.Field("json_format"), spec); break;
    case File::kTypedJsonFormat: ReadJson(message.typed_json_format(), place.Field("typed_json_format"), spec); break;
    case File::kLogFormat: ReadFormat(message.log_format(), place.Field("log_format"), spec); break;
    case File::ACCESS_LOG_FORMAT_NOT_SET: break;
  }
}

template <typename Stream>
void ReadStream(const Stream& message, Sink sink, const Place& place, AccessLogSpec* spec) {
  spec->sink = sink;
  if (message.has_log_format()) ReadFormat(message.log_format(), place.Field("log_format"), spec);
}

AccessLogSpec AccessLogFromXds(const envoy::config::accesslog::v3::AccessLog& message, const Place& place) {
  // A filter that is left out would write more than was asked for.
  CheckFields(message, place, {.read = {"name", "typed_config"}});
  AccessLogSpec spec;
  const Place config = place.Field("typed_config");
  const google::protobuf::Any& any = message.typed_config();
  loggers::file::v3::FileAccessLog file;
  loggers::stream::v3::StdoutAccessLog out;
  loggers::stream::v3::StderrAccessLog error;
  if (Unpack(any, config, &file)) {
    ReadFile(file, config, &spec);
  } else if (Unpack(any, config, &out)) {
    ReadStream(out, Sink::kStdout, config, &spec);
  } else if (Unpack(any, config, &error)) {
    ReadStream(error, Sink::kStderr, config, &spec);
  } else {
    RefuseType(any, config, "FileAccessLog, StdoutAccessLog or StderrAccessLog");
  }
  return spec;
}

}  // namespace

std::vector<AccessLogSpec> AccessLogsFromXds(
    const google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>& logs, const Place& parent) {
  std::vector<AccessLogSpec> specs;
  for (int i = 0; i < logs.size(); ++i)
    specs.push_back(AccessLogFromXds(logs[i], parent.Field("access_log", size_t(i))));
  return specs;
}

}  // namespace weft::config
