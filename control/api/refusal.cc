#include "control/api/refusal.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/rpc/status.pb.h"
#include "schema/write.h"

namespace weft::control::api {
namespace {

constexpr const char* kErrorsUrl = "type.googleapis.com/weft.v1.ObjectErrors";

// gRPC sends message and details as trailers, of which a client takes 8 KiB unless it was told otherwise, and details
// travel in base64.
constexpr size_t kMostMessageBytes = 1500;
constexpr size_t kMostDetailBytes = 3500;
constexpr size_t kMostFieldBytes = 400;  // of one error: names and values that somebody wrote may be of any length

// Cut between two characters: half a one is no UTF-8, and protobuf loses the whole text.
std::string Clipped(const std::string& text, size_t most = kMostFieldBytes) {
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::optional<weft::v1::ObjectErrors> ErrorsOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorsUrl);
  weft::v1::ObjectErrors errors;
  if (!payload.has_value() || !errors.ParseFromString(std::string(*payload))) return std::nullopt;
  return errors;
}

std::string TextOf(const std::vector<model::ObjectError>& errors) {
  std::string text;
  for (size_t i = 0; i < errors.size(); ++i) {
    const std::string line = errors[i].ToString();
    if (i > 0 && text.size() + line.size() > kMostMessageBytes) {
      return absl::StrCat(text, "\nand ", errors.size() - i, " more");
    }
    absl::StrAppend(&text, i == 0 ? "" : "\n", Clipped(line, kMostMessageBytes));
  }
  return text;
}

}  // namespace

void FillError(const model::ObjectError& from, weft::v1::ObjectError* to) {
  to->set_file(Clipped(from.file));
  to->set_line(from.line);
  to->set_column(from.column);
  to->set_object(Clipped(from.object));
  to->set_field(Clipped(from.field));
  to->set_message(Clipped(from.message));
}

absl::Status Refuse(absl::StatusCode code, const std::vector<model::ObjectError>& errors) {
  weft::v1::ObjectErrors details;
  for (const model::ObjectError& error : errors) {
    FillError(error, details.add_errors());
    if (details.errors_size() > 1 && details.ByteSizeLong() > kMostDetailBytes) {
      details.mutable_errors()->RemoveLast();
      break;
    }
  }
  absl::Status status(code, TextOf(errors));
  // Debian's library lacks, for clang, the constructor that takes a string.
  const std::string bytes = details.SerializeAsString();
  status.SetPayload(kErrorsUrl, absl::Cord(absl::string_view(bytes)));
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string text(status.message());
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  const std::optional<weft::v1::ObjectErrors> errors = ErrorsOf(status);
  if (!errors.has_value()) return grpc::Status(code, text);
  google::rpc::Status details;
  details.set_code(status.raw_code());
  details.set_message(text);
  details.add_details()->PackFrom(*errors);
  return grpc::Status(code, text, details.SerializeAsString());
}

std::string ToJson(const absl::Status& status) {
  google::protobuf::Struct text;
  auto& fields = *text.mutable_fields();
  fields["code"].set_string_value(absl::AsciiStrToLower(absl::StatusCodeToString(status.code())));
  fields["message"].set_string_value(std::string(status.message()));
  std::string json = schema::ToJson(text, schema::Spelling::kCamel).value_or("{}");
  const std::optional<weft::v1::ObjectErrors> errors = ErrorsOf(status);
  if (!errors.has_value()) return json;
  const absl::StatusOr<std::string> details = schema::ToJson(*errors, schema::Spelling::kCamel);
  if (!details.ok()) return json;
  json.pop_back();
  return absl::StrCat(json, ",\"details\":[{\"type\":\"weft.v1.ObjectErrors\",\"debug\":", *details, "}]}");
}

int HttpCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition: return 400;
    case absl::StatusCode::kUnauthenticated: return 401;
    case absl::StatusCode::kPermissionDenied: return 403;
    case absl::StatusCode::kNotFound: return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted: return 409;
    case absl::StatusCode::kUnimplemented: return 501;
    case absl::StatusCode::kUnavailable: return 503;
    case absl::StatusCode::kResourceExhausted: return 507;
    default: return 500;
  }
}

}  // namespace weft::control::api
