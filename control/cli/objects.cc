// apply, get, delete, log, rollback.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/cli/commands.h"
#include "control/cli/files.h"
#include "control/cli/kinds.h"
#include "control/cli/print.h"
#include "control/cli/table.h"

namespace weft::cli {
namespace {

using weft::v1::ApplyResponse;
using weft::v1::Control;

bool ForPrograms(const Session& session) {
  return session.in().format == Format::kJson || session.in().format == Format::kYaml;
}

std::string Word(ApplyResponse::Action action) { return absl::AsciiStrToLower(ApplyResponse::Action_Name(action)); }

// "httproute/web configured", one line for each object, then the revision.
int PrintResponse(const ApplyResponse& response, Session* session) {
  for (const auto& warning : response.warnings()) session->Warn(warning);
  if (ForPrograms(*session)) return PrintMessage(response, session);
  const std::string dry = response.dry_run() ? " (dry run)" : "";
  for (const auto& result : response.results()) {
    session->out() << ShortName(result.key().kind(), result.key().name()) << " " << Word(result.action());
    if (result.key().namespace_() != "default") session->out() << " in " << result.key().namespace_();
    session->out() << dry << "\n";
  }
  if (response.changed() && !response.dry_run()) session->out() << "revision " << response.revision() << "\n";
  return kOk;
}

// The manifests behind -f; false when one cannot be read.
template <typename Request>
bool AddManifests(Session* session, Request* request) {
  absl::StatusOr<std::vector<weft::v1::Manifest>> manifests =
      ReadManifests(session->in().files, session->in().recursive);
  if (!manifests.ok()) {
    session->Fail(kUsage, std::string(manifests.status().message()));
    return false;
  }
  for (weft::v1::Manifest& manifest : *manifests) *request->add_manifests() = std::move(manifest);
  return true;
}

bool IsAll(const std::string& kind) { return absl::AsciiStrToLower(kind) == "all"; }

// Every page of a list.
bool ListAll(Session* session, std::vector<weft::v1::Object>* objects) {
  const Invocation& in = session->in();
  weft::v1::ListRequest request;
  request.set_kind(IsAll(in.kind) ? "" : in.kind);
  if (!in.all_namespaces) request.set_namespace_(in.ns.empty() ? "default" : in.ns);
  for (const std::string& label : in.labels) {
    const size_t equals = label.find('=');
    (*request.mutable_labels())[label.substr(0, equals)] = label.substr(equals + 1);
  }
  request.set_revision(in.revision);
  request.set_page_size(500);
  while (true) {
    weft::v1::ListResponse response;
    if (!session->Call(&Control::StubInterface::List, request, &response)) return false;
    for (weft::v1::Object& object : *response.mutable_objects()) objects->push_back(std::move(object));
    if (response.next_page_token().empty()) return true;
    request.set_page_token(response.next_page_token());
    request.set_revision(response.revision());  // further pages of the same moment
  }
}

// The objects that were named. Those that are there are shown even when another is not.
void GetNamed(Session* session, std::vector<weft::v1::Object>* objects) {
  const Invocation& in = session->in();
  for (const std::string& name : in.names) {
    weft::v1::GetRequest request;
    request.set_kind(in.kind);
    request.set_namespace_(in.ns);
    request.set_name(name);
    request.set_revision(in.revision);
    weft::v1::Object object;
    if (session->Call(&Control::StubInterface::Get, request, &object)) {
      objects->push_back(std::move(object));
    } else if (session->exit() != kRefused) {
      return;
    }
  }
}

}  // namespace

int Apply(Session* session) {
  weft::v1::ApplyRequest request;
  if (!AddManifests(session, &request)) return session->exit();
  request.set_dry_run(session->in().dry_run);
  request.set_message(session->in().message);
  request.set_author(session->author());
  request.set_default_namespace(session->in().ns);
  ApplyResponse response;
  if (!session->Call(&Control::StubInterface::Apply, request, &response)) {
    if (session->exit() == kRefused || session->exit() == kConflict) session->Warn("nothing was applied");
    return session->exit();
  }
  return PrintResponse(response, session);
}

int Get(Session* session) {
  const Invocation& in = session->in();
  if (!in.names.empty() && (IsAll(in.kind) || in.all_namespaces || !in.labels.empty())) {
    return session->Fail(kUsage, "a name cannot be combined with the kind all, -A or -l");
  }
  std::vector<weft::v1::Object> objects;
  if (in.names.empty()) {
    if (!ListAll(session, &objects)) return session->exit();
  } else {
    GetNamed(session, &objects);
    if (objects.empty()) return session->exit();
  }
  if (ForPrograms(*session)) {
    const int printed = PrintObjects(objects, in.names.size() == 1, session);
    return printed == kOk ? session->exit() : printed;
  }
  if (objects.empty()) {
    session->Warn(in.all_namespaces ? "nothing found"
                                    : absl::StrCat("nothing found in namespace ", in.ns.empty() ? "default" : in.ns,
                                                   "; -n names another, -A takes all"));
  }
  PrintTables(objects, in.all_namespaces, in.format == Format::kWide, session->now(), session->out());
  return session->exit();
}

int Delete(Session* session) {
  const Invocation& in = session->in();
  weft::v1::DeleteRequest request;
  if (!AddManifests(session, &request)) return session->exit();
  for (const std::string& name : in.names) {
    weft::v1::ObjectKey& key = *request.add_keys();
    key.set_kind(in.kind);
    key.set_namespace_(in.ns);
    key.set_name(name);
  }
  request.set_ignore_not_found(in.ignore_not_found);
  request.set_dry_run(in.dry_run);
  request.set_message(in.message);
  request.set_author(session->author());
  request.set_default_namespace(in.ns);
  ApplyResponse response;
  if (!session->Call(&Control::StubInterface::Delete, request, &response)) {
    if (session->exit() == kRefused || session->exit() == kConflict) session->Warn("nothing was deleted");
    return session->exit();
  }
  return PrintResponse(response, session);
}

int Log(Session* session) {
  const Invocation& in = session->in();
  weft::v1::LogRequest request;
  request.set_limit(in.limit);
  request.set_before_revision(in.revision);
  if (!in.kind.empty()) {
    request.mutable_key()->set_kind(in.kind);
    request.mutable_key()->set_namespace_(in.ns);
    request.mutable_key()->set_name(in.names[0]);
  }
  weft::v1::LogResponse response;
  if (!session->Call(&Control::StubInterface::Log, request, &response)) return session->exit();
  if (ForPrograms(*session)) return PrintMessage(response, session);
  if (response.revisions().empty()) {
    session->Warn(in.kind.empty() ? "no revision found"
                                  : absl::StrCat("no revision with ", ShortName(in.kind, in.names[0]), " in namespace ",
                                                 in.ns.empty() ? "default" : in.ns, "; -n names another"));
  }
  Table table({"REVISION", "TIME (UTC)", "AUTHOR", "ACTION", "CHANGES", "MESSAGE"});
  for (const auto& entry : response.revisions()) {
    std::string changes;
    const int most = in.format == Format::kWide ? entry.changes_size() : std::min(entry.changes_size(), 3);
    for (int i = 0; i < most; ++i) {
      const auto& change = entry.changes(i);
      absl::StrAppend(&changes, i == 0 ? "" : ", ", ShortName(change.key().kind(), change.key().name()), " ",
                      Word(change.action()));
    }
    if (most < entry.changes_size()) absl::StrAppend(&changes, ", ", entry.changes_size() - most, " more");
    table.Add(
        {absl::StrCat(entry.revision()), When(entry.time()), entry.author(), entry.action(), changes, entry.message()});
  }
  table.Print(session->out());
  return kOk;
}

int Rollback(Session* session) {
  weft::v1::RollbackRequest request;
  request.set_revision(session->in().revision);
  request.set_dry_run(session->in().dry_run);
  request.set_message(session->in().message);
  request.set_author(session->author());
  ApplyResponse response;
  if (!session->Call(&Control::StubInterface::Rollback, request, &response)) return session->exit();
  const int exit = PrintResponse(response, session);
  if (!response.changed() && !ForPrograms(*session)) {
    session->out() << "nothing to do: the objects are what they were after revision " << request.revision() << "\n";
  }
  return exit;
}

}  // namespace weft::cli
