// token create, token list, token revoke.
#include "absl/strings/str_cat.h"
#include "control/cli/commands.h"
#include "control/cli/print.h"
#include "control/cli/table.h"

namespace weft::cli {
namespace {

using weft::v1::Control;

bool ForPrograms(const Session& session) {
  return session.in().format == Format::kJson || session.in().format == Format::kYaml;
}

std::string State(const weft::v1::TokenInfo& token, absl::Time now) {
  if (token.has_revoked()) return "revoked";
  if (token.has_expires() && absl::FromUnixSeconds(token.expires().seconds()) <= now) return "expired";
  if (token.uses_allowed() > 0 && token.uses_taken() >= token.uses_allowed()) return "used up";
  return "good";
}

// For how long a new token is good, by the server's clock alone.
std::string Life(const weft::v1::TokenInfo& token) {
  return ShortDuration(absl::Seconds(token.expires().seconds() - token.created().seconds()));
}

}  // namespace

// The token alone goes to stdout, so that TOKEN=$(weft token create …) works.
int CreateToken(Session* session) {
  const Invocation& in = session->in();
  weft::v1::CreateTokenRequest request;
  request.set_identity(in.identity);
  if (in.ttl) {
    request.mutable_ttl()->set_seconds(absl::ToInt64Seconds(*in.ttl));
    request.mutable_ttl()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(*in.ttl % absl::Seconds(1))));
  }
  request.set_uses(in.uses);
  request.set_author(session->author());
  weft::v1::CreateTokenResponse response;
  if (!session->Call(&Control::StubInterface::CreateToken, request, &response)) return session->exit();
  if (ForPrograms(*session)) return PrintMessage(response, session);
  const weft::v1::TokenInfo& info = response.info();
  session->Warn(absl::StrCat("token ", info.id(), " for ", info.identity(), ", good for ", Life(info), " and ",
                             info.uses_allowed(), info.uses_allowed() == 1 ? " use" : " uses",
                             "; it is shown this once"));
  session->out() << OneLine(response.token()) << "\n";
  return kOk;
}

int ListTokens(Session* session) {
  weft::v1::ListTokensResponse response;
  if (!session->Call(&Control::StubInterface::ListTokens, weft::v1::ListTokensRequest(), &response))
    return session->exit();
  if (ForPrograms(*session)) return PrintMessage(response, session);
  Table table({"ID", "IDENTITY", "STATE", "USES", "ENDS (UTC)", "AGE", "AUTHOR"});
  for (const weft::v1::TokenInfo& token : response.tokens()) {
    table.Add({token.id(), token.identity(), State(token, session->now()),
               absl::StrCat(token.uses_taken(), "/", token.uses_allowed()), When(token.expires()),
               Age(token.created(), session->now()), token.author()});
  }
  if (table.empty()) {
    session->Warn("no tokens");
  } else {
    table.Print(session->out());
  }
  return kOk;
}

int RevokeToken(Session* session) {
  weft::v1::RevokeTokenRequest request;
  request.set_id(session->in().names[0]);
  weft::v1::RevokeTokenResponse response;
  if (!session->Call(&Control::StubInterface::RevokeToken, request, &response)) return session->exit();
  if (ForPrograms(*session)) return PrintMessage(response, session);
  session->out() << "token/" << request.id() << " revoked\n";
  return kOk;
}

}  // namespace weft::cli
