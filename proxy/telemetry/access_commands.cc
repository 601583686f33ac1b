#include "proxy/telemetry/access_commands.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "proxy/base/parse_number.h"

namespace weft::telemetry {
namespace {

using Argument = AccessCommand::Argument;
using HeadersOf = AccessCommand::Headers;
using Record = const AccessRecord&;
using Text = std::string_view;
using Out = std::string*;

bool Put(Text text, Out out) {
  if (text.empty()) return false;
  *out += text;
  return true;
}

bool PutNumber(uint64_t number, Out out) {
  *out += std::to_string(number);
  return true;
}

bool PutMillis(base::Duration duration, Out out) {
  if (duration < base::Duration::zero()) return false;
  return PutNumber(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()), out);
}

bool PutAddress(const base::Address* address, Out out) {
  if (address == nullptr || !address->valid()) return false;
  *out += address->ToString();
  return true;
}
bool PutIp(const base::Address* address, Out out) {
  if (address == nullptr || !address->is_ip()) return false;
  *out += address->ip();
  return true;
}
bool PutPort(const base::Address* address, Out out) {
  if (address == nullptr || !address->is_ip()) return false;
  return PutNumber(address->port(), out);
}

// google.rpc.Code as Envoy writes it.
constexpr std::array<Text, 17> kGrpcCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

std::optional<uint32_t> GrpcStatus(Record record) {
  if (record.headers == nullptr) return std::nullopt;
  auto text = record.headers->Trailer("grpc-status");
  if (!text) text = record.headers->Response("grpc-status");
  return text ? base::ParseNumber<uint32_t>(*text) : std::nullopt;
}

bool PutGrpcStatus(Record record, Text argument, Out out) {
  const auto status = GrpcStatus(record);
  if (!status) return false;
  if (argument == "NUMBER" || *status >= kGrpcCodes.size()) return PutNumber(*status, out);
  if (argument != "SNAKE_STRING") return Put(kGrpcCodes[*status], out);
  const Text camel = kGrpcCodes[*status];
  for (size_t i = 0; i < camel.size(); ++i) {
    const bool upper = camel[i] >= 'A' && camel[i] <= 'Z';
    if (upper && i > 0 && camel != "OK") *out += '_';
    *out += upper ? camel[i] : static_cast<char>(camel[i] - 'a' + 'A');
  }
  return true;
}

const std::string& HostName() {
  static const std::string name = [] {
    char buffer[256] = {};
    return gethostname(buffer, sizeof buffer - 1) == 0 ? std::string(buffer) : std::string();
  }();
  return name;
}

// Sorted by name.
constexpr AccessCommand kCommands[] = {
    {"BYTES_RECEIVED", {}, {}, true, [](Record r, Text, Out out) { return PutNumber(r.bytes_received, out); }},
    {"BYTES_SENT", {}, {}, true, [](Record r, Text, Out out) { return PutNumber(r.bytes_sent, out); }},
    {"CONNECTION_ID", {}, {}, true, [](Record r, Text, Out out) { return PutNumber(r.connection_id, out); }},
    {"CONNECTION_TERMINATION_DETAILS",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return !r.failed_upstream && Put(r.failure_detail, out); }},
    {"DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutAddress(r.downstream_direct_local, out); }},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutAddress(r.downstream_direct_remote, out); }},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutIp(r.downstream_direct_remote, out); }},
    {"DOWNSTREAM_LOCAL_ADDRESS",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutAddress(r.downstream_local, out); }},
    {"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutIp(r.downstream_local, out); }},
    {"DOWNSTREAM_LOCAL_PORT", {}, {}, true, [](Record r, Text, Out out) { return PutPort(r.downstream_local, out); }},
    {"DOWNSTREAM_LOCAL_URI_SAN", {}, {}, false, [](Record r, Text, Out out) { return Put(r.local_principal, out); }},
    {"DOWNSTREAM_PEER_URI_SAN", {}, {}, false, [](Record r, Text, Out out) { return Put(r.peer_principal, out); }},
    {"DOWNSTREAM_REMOTE_ADDRESS",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutAddress(r.downstream_remote, out); }},
    {"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutIp(r.downstream_remote, out); }},
    {"DOWNSTREAM_REMOTE_PORT", {}, {}, true, [](Record r, Text, Out out) { return PutPort(r.downstream_remote, out); }},
    {"DURATION", {}, {}, true, [](Record r, Text, Out out) { return PutMillis(r.ended, out); }},
    {"ENVIRONMENT",
     Argument::kName,
     {},
     false,
     [](Record, Text argument, Out out) {
       const char* value = std::getenv(std::string(argument).c_str());
       return value != nullptr && Put(value, out);
     }},
    {"FILTER_CHAIN_NAME", {}, {}, false, [](Record r, Text, Out out) { return Put(r.filter_chain, out); }},
    {"GRPC_STATUS", Argument::kOptionalName, {}, false, PutGrpcStatus},
    {"GRPC_STATUS_NUMBER", {}, {}, true, [](Record r, Text, Out out) { return PutGrpcStatus(r, "NUMBER", out); }},
    {"HOSTNAME", {}, {}, false, [](Record, Text, Out out) { return Put(HostName(), out); }},
    {"PROTOCOL", {}, {}, false, [](Record r, Text, Out out) { return Put(r.protocol, out); }},
    {"REQ", Argument::kHeader, HeadersOf::kRequest},
    {"REQUESTED_SERVER_NAME", {}, {}, false, [](Record r, Text, Out out) { return Put(r.server_name, out); }},
    // Ours: whether that name can hide another.
    {"REQUESTED_SERVER_NAME_KIND", {}, {}, false, [](Record r, Text, Out out) { return Put(r.server_name_kind, out); }},
    {"REQUEST_DURATION", {}, {}, true, [](Record r, Text, Out out) { return PutMillis(r.request_received, out); }},
    {"REQUEST_TX_DURATION", {}, {}, true, [](Record r, Text, Out out) { return PutMillis(r.request_sent, out); }},
    {"REQ_WITHOUT_QUERY", Argument::kHeader, HeadersOf::kRequestPath},
    {"RESP", Argument::kHeader, HeadersOf::kResponse},
    {"RESPONSE_CODE",
     {},
     {},
     true,
     [](Record r, Text, Out out) { return PutNumber(static_cast<uint64_t>(r.response_code), out); }},
    {"RESPONSE_CODE_DETAILS", {}, {}, false, [](Record r, Text, Out out) { return Put(r.response_code_details, out); }},
    {"RESPONSE_DURATION", {}, {}, true, [](Record r, Text, Out out) { return PutMillis(r.response_began, out); }},
    {"RESPONSE_FLAGS", {}, {}, false, [](Record r, Text, Out out) { return Put(r.response_flag, out); }},
    {"RESPONSE_TX_DURATION",
     {},
     {},
     true,
     [](Record r, Text, Out out) {
       return r.response_began >= base::Duration::zero() && PutMillis(r.ended - r.response_began, out);
     }},
    {"ROUTE_NAME", {}, {}, false, [](Record r, Text, Out out) { return Put(r.route, out); }},
    {"START_TIME", Argument::kTime},
    {"TRAILER", Argument::kHeader, HeadersOf::kTrailer},
    {"UPSTREAM_CLUSTER", {}, {}, false, [](Record r, Text, Out out) { return Put(r.cluster, out); }},
    {"UPSTREAM_CLUSTER_RAW", {}, {}, false, [](Record r, Text, Out out) { return Put(r.cluster, out); }},
    {"UPSTREAM_HOST", {}, {}, false, [](Record r, Text, Out out) { return PutAddress(r.upstream_host, out); }},
    {"UPSTREAM_REMOTE_ADDRESS",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutAddress(r.upstream_host, out); }},
    {"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return PutIp(r.upstream_host, out); }},
    {"UPSTREAM_REMOTE_PORT", {}, {}, true, [](Record r, Text, Out out) { return PutPort(r.upstream_host, out); }},
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", {}, {}, true, [](Record r, Text, Out out) { return PutNumber(r.tries, out); }},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON",
     {},
     {},
     false,
     [](Record r, Text, Out out) { return r.failed_upstream && Put(r.failure_detail, out); }},
    {"VIRTUAL_CLUSTER_NAME", {}, {}, false, [](Record r, Text, Out out) { return Put(r.virtual_host, out); }},
};

constexpr Text kForeign[] = {"ACCESS_LOG_TYPE",
                             "CEL",
                             "COMMON_DURATION",
                             "CLUSTER_METADATA",
                             "CUSTOM_FLAGS",
                             "DOWNSTREAM_LOCAL_DNS_SAN",
                             "DOWNSTREAM_LOCAL_SUBJECT",
                             "DOWNSTREAM_PEER_CERT",
                             "DOWNSTREAM_PEER_CERT_V_END",
                             "DOWNSTREAM_PEER_CERT_V_START",
                             "DOWNSTREAM_PEER_DNS_SAN",
                             "DOWNSTREAM_PEER_FINGERPRINT_256",
                             "DOWNSTREAM_PEER_ISSUER",
                             "DOWNSTREAM_PEER_SERIAL",
                             "DOWNSTREAM_PEER_SUBJECT",
                             "DOWNSTREAM_TLS_CIPHER",
                             "DOWNSTREAM_TLS_SESSION_ID",
                             "DOWNSTREAM_TLS_VERSION",
                             "DOWNSTREAM_WIRE_BYTES_RECEIVED",
                             "DOWNSTREAM_WIRE_BYTES_SENT",
                             "DYNAMIC_METADATA",
                             "EMIT_TIME",
                             "FILTER_STATE",
                             "LOCAL_REPLY_BODY",
                             "METADATA",
                             "PATH",
                             "QUERY_PARAM",
                             "RESPONSE_FLAGS_LONG",
                             "STREAM_ID",
                             "TRACE_ID",
                             "UNIQUE_ID",
                             "UPSTREAM_FILTER_STATE",
                             "UPSTREAM_LOCAL_ADDRESS",
                             "UPSTREAM_METADATA",
                             "UPSTREAM_PEER_URI_SAN",
                             "UPSTREAM_PROTOCOL",
                             "UPSTREAM_TLS_VERSION",
                             "UPSTREAM_WIRE_BYTES_RECEIVED",
                             "UPSTREAM_WIRE_BYTES_SENT"};

}  // namespace

const AccessCommand* FindAccessCommand(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const AccessCommand& c) { return c.name == name; });
  return found == std::end(kCommands) ? nullptr : found;
}

bool IsForeignAccessCommand(std::string_view name) {
  return std::find(std::begin(kForeign), std::end(kForeign), name) != std::end(kForeign);
}

}  // namespace weft::telemetry
