#include "control/cli/session.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/cli/table.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "schema/document.h"

namespace weft::cli {
namespace {

constexpr char kSystemSocket[] = "/var/lib/weft/control.sock";
constexpr char kUnix[] = "unix:";

bool IsUnix(const std::string& address) { return absl::StartsWith(address, kUnix); }

// What is wrong with an address; empty when it is one.
std::string WrongAddress(const std::string& address) {
  constexpr char kForms[] = "write unix:PATH or HOST:PORT";
  if (IsUnix(address)) {
    const size_t length = address.size() - std::strlen(kUnix);
    if (length == 0) return absl::StrCat("the path is missing; ", kForms);
    if (length >= sizeof(sockaddr_un::sun_path)) return "the path is longer than a socket's may be (107 bytes)";
    return "";
  }
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == address.npos || colon == 0) return absl::StrCat("is no address; ", kForms);
  if (!absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::StrCat("the port must be a number from 1 to 65535; ", kForms);
  }
  if (address.find('/') != address.npos) return absl::StrCat("is no address; ", kForms);
  return "";
}

bool IsThisMachine(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  return host == "localhost" || host == "[::1]" || host == "127.0.0.1" || absl::StartsWith(host, "127.");
}

// Why the socket cannot be connected to: errno, or 0.
int ConnectError(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), std::min(path.size(), sizeof name.sun_path - 1));
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
  const int result = connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const int error = result == 0 ? 0 : errno;
  close(descriptor);
  return error;
}

int ExitOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED: return kUnreachable;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED: return kNotAuthorized;
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::ALREADY_EXISTS: return kConflict;
    default: return kRefused;
  }
}

weft::v1::ObjectErrors Details(const grpc::Status& status) {
  weft::v1::ObjectErrors errors;
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return errors;
  for (const google::protobuf::Any& detail : details.details()) {
    if (detail.Is<weft::v1::ObjectErrors>()) detail.UnpackTo(&errors);
  }
  return errors;
}

// Where a weft-control of this user listens; empty without a home.
std::string OwnSocket() {
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && data[0] == '/') return absl::StrCat(data, "/weft/control.sock");
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return absl::StrCat(home, "/.local/share/weft/control.sock");
  return "";
}

}  // namespace

std::string DefaultAddress() {
  if (access(kSystemSocket, F_OK) == 0) return absl::StrCat(kUnix, kSystemSocket);
  const std::string own = OwnSocket();
  return absl::StrCat(kUnix, !own.empty() && access(own.c_str(), F_OK) == 0 ? own : kSystemSocket);
}

std::string ToString(const weft::v1::ObjectError& error) {
  std::string out;
  if (!error.file().empty()) {
    out = error.file();
    if (error.line() > 0) absl::StrAppend(&out, ":", error.line());
    if (error.line() > 0 && error.column() > 0) absl::StrAppend(&out, ":", error.column());
    out += ": ";
  }
  if (!error.object().empty()) absl::StrAppend(&out, error.object(), ": ");
  if (!error.field().empty()) absl::StrAppend(&out, error.field(), ": ");
  return OneLine(out + error.message());
}

Session::Session(const Invocation& invocation, const Environment& environment)
    : invocation_(invocation),
      environment_(environment),
      address_(invocation.server.empty() ? DefaultAddress() : invocation.server) {}

int Session::Fail(int exit, const std::string& text) {
  *environment_.err << "weft: " << text << "\n";
  exit_ = exit;
  return exit;
}

void Session::Warn(const std::string& text) { *environment_.err << "weft: " << text << "\n"; }

void Session::Warn(const weft::v1::ObjectError& warning) { Warn(absl::StrCat("warning: ", ToString(warning))); }

bool Session::ReadToken() {
  token_ = invocation_.token;
  if (!invocation_.token_file.empty()) {  // said by hand, while a token may come from the environment
    absl::StatusOr<std::string> text = schema::ReadFile(invocation_.token_file);
    if (!text.ok()) {
      Fail(kUsage, absl::StrCat("--token-file: ", std::string(text.status().message())));
      return false;
    }
    token_ = std::string(absl::StripAsciiWhitespace(*text));
  }
  for (const char c : token_) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      Fail(kUsage, "the token has a character that no token has; is it the right file?");
      return false;
    }
  }
  return true;
}

bool Session::Connect() {
  if (const std::string wrong = WrongAddress(address_); !wrong.empty()) {
    Fail(kUsage, absl::StrCat("--server ", address_, ": ", wrong));
    return false;
  }
  if (!ReadToken()) return false;
  if (!IsUnix(address_) && !IsThisMachine(address_) && !token_.empty() && !invocation_.plaintext) {
    Fail(kUsage,
         absl::StrCat(address_, " is another machine, and the token would cross the network unencrypted; use an ",
                      "ssh tunnel to its loopback address, or say --plaintext"));
    return false;
  }
  std::shared_ptr<grpc::Channel> channel;
  if (environment_.dial) {
    channel = environment_.dial(address_);
  } else {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 64 << 10);  // what was wrong comes as trailers
    arguments.SetUserAgentPrefix("weft");
    if (IsUnix(address_)) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    channel = grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  }
  stub_ = weft::v1::Control::NewStub(channel);
  return true;
}

void Session::Prepare(grpc::ClientContext* context) const {
  context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(invocation_.timeout));
  if (!token_.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", token_));
}

std::string Session::WhyUnreachable(const grpc::Status& status, int* exit) const {
  std::string why = OneLine(status.error_message());
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::StrCat("no answer from weft-control at ", address_, " within ", invocation_.timeout_text,
                        "; try a longer --timeout");
  }
  if (IsUnix(address_)) {
    const int error = ConnectError(address_.substr(std::strlen(kUnix)));
    if (error == EACCES || error == EPERM) {
      *exit = kNotAuthorized;
      return absl::StrCat("cannot open ", address_, ": ", std::strerror(error),
                          "; run weft as the user of weft-control, ", "or reach it by HOST:PORT with a token");
    }
    if (error == ENOENT && invocation_.server.empty()) {
      const std::string own = OwnSocket();
      return absl::StrCat("no weft-control is running here (no ", kSystemSocket, own.empty() ? "" : ", no ", own,
                          "); is it elsewhere? Name it with --server or WEFT_SERVER");
    }
    if (error != 0) why = std::strerror(error);
  } else if (absl::StrContains(why, "http1.x server")) {
    return absl::StrCat("no gRPC at ", address_, ", only HTTP/1.1: is it the port of --json-listen? The one of ",
                        "--listen is wanted (127.0.0.1:15013, if nothing else is said)");
  }
  return absl::StrCat("cannot reach weft-control at ", address_, ": ", why,
                      "; is it running? Name another with --server or WEFT_SERVER");
}

bool Session::Check(const grpc::Status& status) {
  if (status.ok()) return true;
  exit_ = ExitOf(status.error_code());
  const weft::v1::ObjectErrors errors = Details(status);
  for (const weft::v1::ObjectError& error : errors.errors()) Warn(ToString(error));
  if (exit_ == kUnreachable) {
    Warn(WhyUnreachable(status, &exit_));
  } else if (exit_ == kNotAuthorized) {
    Warn(absl::StrCat(OneLine(status.error_message()), "; give a token by WEFT_TOKEN, --token or --token-file ",
                      "(weft-control keeps the first one in admin.token of its data directory)"));
  } else if (errors.errors().empty()) {
    Warn(OneLine(status.error_message()));
  }
  return false;
}

}  // namespace weft::cli
