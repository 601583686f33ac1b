// What each command does, on a session that is connected (except where said): the calls, then the output. Each returns
// the exit code; reasons are on stderr by then.
#ifndef WEFT_CONTROL_CLI_COMMANDS_H_
#define WEFT_CONTROL_CLI_COMMANDS_H_

#include "control/cli/session.h"

namespace weft::cli {

int Apply(Session* session);
int Get(Session* session);
int Delete(Session* session);
int Log(Session* session);
int Rollback(Session* session);
int CreateToken(Session* session);
int ListTokens(Session* session);
int RevokeToken(Session* session);
int Proxies(Session* session);
int Config(Session* session);
int Certs(Session* session);
int Version(Session* session);  // connects by itself

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_COMMANDS_H_
