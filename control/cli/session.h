// One run of `weft`: where its output goes, and its calls to the server. One thread.
#ifndef WEFT_CONTROL_CLI_SESSION_H_
#define WEFT_CONTROL_CLI_SESSION_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/cli/invocation.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "weft/v1/control.grpc.pb.h"

namespace weft::cli {

// What surrounds the program; tests give their own.
struct Environment {
  std::ostream* out;
  std::ostream* err;
  std::function<absl::Time()> now;
  std::string author;  // who the log will name
  // Null: dial the address for real.
  std::function<std::shared_ptr<grpc::Channel>(const std::string& address)> dial;
};

class Session {
 public:
  Session(const Invocation& invocation, const Environment& environment);

  const Invocation& in() const { return invocation_; }
  std::ostream& out() const { return *environment_.out; }
  absl::Time now() const { return environment_.now(); }
  const std::string& author() const { return environment_.author; }
  const std::string& address() const { return address_; }

  // False, with exit() set and the reason on stderr, when the address or the token cannot be used.
  bool Connect();

  // One call. False, with exit() set and the reasons on stderr, when it failed.
  template <typename Request, typename Response>
  bool Call(grpc::Status (weft::v1::Control::StubInterface::*method)(grpc::ClientContext*, const Request&, Response*),
            const Request& request, Response* response) {
    grpc::ClientContext context;
    Prepare(&context);
    return Check((stub_.get()->*method)(&context, request, response));
  }

  // "weft: TEXT" on stderr, and the exit code.
  int Fail(int exit, const std::string& text);
  void Warn(const std::string& text);
  void Warn(const weft::v1::ObjectError& warning);

  int exit() const { return exit_; }

 private:
  void Prepare(grpc::ClientContext* context) const;
  bool Check(const grpc::Status& status);
  bool ReadToken();
  std::string WhyUnreachable(const grpc::Status& status, int* exit) const;

  const Invocation& invocation_;
  const Environment& environment_;
  std::string address_;
  std::string token_;
  std::unique_ptr<weft::v1::Control::StubInterface> stub_;
  int exit_ = kOk;
};

// The address that --server and WEFT_SERVER leave open: the socket of this machine's weft-control.
std::string DefaultAddress();

// "file:line:col: OBJECT: FIELD: MESSAGE"
std::string ToString(const weft::v1::ObjectError& error);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_SESSION_H_
