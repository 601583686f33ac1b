#include "control/cli/run.h"

#include "control/cli/commands.h"
#include "control/cli/completion.h"
#include "control/cli/print.h"
#include "schema/version.h"

namespace weft::cli {
namespace {

int Dispatch(Session* session) {
  switch (session->in().command) {
    case Command::kApply: return Apply(session);
    case Command::kGet: return Get(session);
    case Command::kDelete: return Delete(session);
    case Command::kLog: return Log(session);
    case Command::kRollback: return Rollback(session);
    case Command::kTokenCreate: return CreateToken(session);
    case Command::kTokenList: return ListTokens(session);
    case Command::kTokenRevoke: return RevokeToken(session);
    case Command::kProxies: return Proxies(session);
    case Command::kConfig: return Config(session);
    case Command::kCerts: return Certs(session);
    case Command::kVersion:
    case Command::kCompletion:
    case Command::kNone: break;
  }
  return session->Fail(kUsage, "a command is missing");
}

}  // namespace

// The program's own version is shown even when there is no server.
int Version(Session* session) {
  const Invocation& in = session->in();
  const bool programs = in.format == Format::kJson || in.format == Format::kYaml;
  weft::v1::GetVersionResponse response;
  if (!programs) session->out() << "weft " << schema::kWeftVersion << "\n" << std::flush;
  if (in.client_only) return kOk;
  if (!session->Connect()) return session->exit();
  if (!session->Call(&weft::v1::Control::StubInterface::GetVersion, weft::v1::GetVersionRequest(), &response)) {
    return session->exit();
  }
  if (programs) return PrintMessage(response, session);
  session->out() << "weft-control " << response.version() << " at " << session->address() << ", revision "
                 << response.revision() << ", trust domain " << response.trust_domain() << "\n";
  return kOk;
}

int Run(const std::vector<std::string>& arguments, const Environment& environment) {
  Invocation invocation;
  const ParseResult parsed = ParseCommandLine(arguments, &invocation);
  *environment.out << parsed.out;
  *environment.err << parsed.err;
  if (parsed.exit) return *parsed.exit;
  if (invocation.command == Command::kCompletion) {
    *environment.out << CompletionScript(invocation.shell);
    return kOk;
  }
  Session session(invocation, environment);
  if (invocation.command == Command::kVersion) return Version(&session);
  if (!session.Connect()) return session.exit();
  return Dispatch(&session);
}

}  // namespace weft::cli
