#include "control/cli/invocation.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "schema/suggest.h"
#include "schema/version.h"

namespace weft::cli {
namespace {

// CLI11's own words for a number out of range have 309 digits.
CLI::Validator IsRevision() {
  return CLI::Validator(
      [](const std::string& text) {
        int64_t revision = 0;
        const bool good = absl::SimpleAtoi(text, &revision) && revision > 0;
        return good ? std::string() : "\"" + text + "\" is no revision; write a number from `weft log`";
      },
      "");
}

constexpr char kExitCodes[] =
    "Exit codes: 0 done; 1 refused, or no such object; 2 wrong command line or unreadable file;\n"
    "            3 server not reached; 4 not authorised; 5 conflict with someone else's change.";

class Builder {
 public:
  Builder(CLI::App* app, Invocation* in) : app_(app), in_(in) {}

  void Global() {
    app_->add_option("--server", in_->server,
                     "unix:PATH or HOST:PORT of weft-control (default: its socket on this machine)")
        ->envname("WEFT_SERVER")
        ->type_name("ADDRESS");
    app_->add_option("--token", in_->token, "token for a server reached over TCP")
        ->envname("WEFT_TOKEN")
        ->type_name("TOKEN");
    app_->add_option("--token-file", in_->token_file, "file that holds the token; goes before --token")
        ->type_name("FILE");
    app_->add_flag("--plaintext", in_->plaintext, "send the token unencrypted to another machine");
    app_->add_option("-o,--output", in_->output, "table, wide, json or yaml")
        ->check(CLI::IsMember({"table", "wide", "json", "yaml"}))
        ->type_name("FORMAT")
        ->capture_default_str();
    app_->add_option("-n,--namespace", in_->ns, "namespace of the objects")->type_name("NAMESPACE");
    app_->add_option("--timeout", in_->timeout_text, "how long to wait for the server")
        ->type_name("DURATION")
        ->capture_default_str();
  }

  CLI::App* Add(CLI::App* parent, const std::string& name, const std::string& about, Command command,
                const std::string& footer = "") {
    CLI::App* sub = parent->add_subcommand(name, about);
    sub->fallthrough();  // global flags may follow the command
    if (!footer.empty()) sub->footer(footer);
    if (command != Command::kNone) {
      sub->callback([in = in_, command] { in->command = command; });
    }
    return sub;
  }

  void Files(CLI::App* sub) {
    sub->add_option("-f,--filename", in_->files, "YAML or JSON file, a directory of them, or - for standard input")
        ->type_name("FILE");
    sub->add_flag("-R,--recursive", in_->recursive, "look into the directories below, too");
  }

  void DryRun(CLI::App* sub) { sub->add_flag("--dry-run", in_->dry_run, "check everything, change nothing"); }
  void Message(CLI::App* sub) {
    sub->add_option("-m,--message", in_->message, "a word for the log, why this was done")->type_name("TEXT");
  }

  void Objects() {
    CLI::App* apply =
        Add(app_, "apply", "Create or change objects", Command::kApply, "Example: weft apply -f routes.yaml --dry-run");
    Files(apply);
    apply->get_option("--filename")->required();
    DryRun(apply);
    Message(apply);

    CLI::App* get = Add(app_, "get", "Show objects", Command::kGet,
                        "KIND is service, workloadentry, httproute, tcproute, tlsroute, backendtlspolicy, configmap,\n"
                        "peerauthentication, meshconfig (plurals and svc, we,\n"
                        "route, pa too) or all.  Example: weft get routes -n shop -o yaml");
    get->add_option("KIND", in_->kind, "kind of object, or all")->required();
    get->add_option("NAME", in_->names, "only these");
    get->add_flag("-A,--all-namespaces", in_->all_namespaces, "from every namespace");
    get->add_option("-l,--selector", in_->labels, "only with these labels")->type_name("KEY=VALUE")->delimiter(',');
    get->add_option("--revision", in_->revision, "as they were at that revision")->type_name("N")->check(IsRevision());

    CLI::App* del =
        Add(app_, "delete", "Delete objects", Command::kDelete, "Example: weft delete httproute web -n shop");
    del->add_option("KIND", in_->kind, "kind of object");
    del->add_option("NAME", in_->names, "names of the objects");
    Files(del);
    DryRun(del);
    Message(del);
    del->add_flag("--ignore-not-found", in_->ignore_not_found, "succeed when there is no such object");
  }

  void History() {
    CLI::App* log =
        Add(app_, "log", "Show what changed, newest first", Command::kLog, "Example: weft log httproute web");
    log->add_option("KIND", in_->kind, "only changes of this object");
    log->add_option("NAME", in_->names, "its name")->expected(0, 1);
    log->add_option("--limit", in_->limit, "how many")
        ->type_name("N")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    log->add_option("--before", in_->revision, "only what is older than that revision")
        ->type_name("N")
        ->check(IsRevision());

    CLI::App* rollback = Add(app_, "rollback", "Make all objects what they were after a revision", Command::kRollback,
                             "This is a new revision itself, and can be rolled back.  Example: weft rollback 41");
    rollback->add_option("REVISION", in_->revision, "as `weft log` shows it")->required()->check(IsRevision());
    DryRun(rollback);
    Message(rollback);
  }

  void Tokens() {
    CLI::App* token = Add(app_, "token", "Join tokens, with which proxies get their first certificate", Command::kNone);
    token->require_subcommand(1);
    CLI::App* create = Add(token, "create", "Make a token and print it", Command::kTokenCreate,
                           "Example: weft token create --identity shop/web --ttl 10m --uses 3");
    create->add_option("--identity", in_->identity, "whose certificates it gives")
        ->required()
        ->type_name("NAMESPACE/SERVICEACCOUNT");
    create->add_option("--ttl", in_->ttl_text, "how long it can be used (default: 1h)")->type_name("DURATION");
    create->add_option("--uses", in_->uses, "how often it can be used")
        ->type_name("N")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    Add(token, "list", "Show the tokens that were made, without their secrets", Command::kTokenList);
    CLI::App* revoke = Add(token, "revoke", "Make a token useless", Command::kTokenRevoke);
    revoke->add_option("ID", in_->names, "as `weft token list` shows it")->required()->expected(1);
  }

  void Mesh() {
    Add(app_, "proxies", "Show the connected proxies and how far they are", Command::kProxies)
        ->add_flag("-A,--all-namespaces", in_->all_namespaces, "from every namespace (the default without -n)");
    CLI::App* config = Add(app_, "config", "Show what a proxy is configured with (its xDS)", Command::kConfig,
                           "Example: weft config web-v1.shop --type clusters -o yaml");
    config->add_option("PROXY", in_->names, "NAME.NAMESPACE, as `weft proxies` shows it")->required()->expected(1);
    config->add_option("--type", in_->type, "only these resources")
        ->check(CLI::IsMember({"listeners", "routes", "clusters", "endpoints", "secrets"}))
        ->type_name("listeners|routes|clusters|endpoints|secrets");
    Add(app_, "certs", "Show the certificates of the mesh and when they end", Command::kCerts);
  }

  void Rest() {
    Add(app_, "version", "Show the versions of this program and of the server", Command::kVersion)
        ->add_flag("--client", in_->client_only, "do not ask the server");
    Add(app_, "completion", "Print a script that completes commands and flags", Command::kCompletion,
        "Examples: source <(weft completion bash)\n"
        "          weft completion zsh > \"${fpath[1]}/_weft\"\n"
        "          weft completion fish > ~/.config/fish/completions/weft.fish")
        ->add_option("SHELL", in_->shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

 private:
  CLI::App* app_;
  Invocation* in_;
};

// The deepest command that was named, for the hint about --help.
const CLI::App* Named(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::string FullName(const CLI::App* app) {
  return app->get_parent() == nullptr ? "weft" : absl::StrCat(FullName(app->get_parent()), " ", app->get_name());
}

// CLI11's own words, or better ones where a command is missing or misspelt.
std::string Explain(const CLI::App* app, const CLI::ParseError& error) {
  const CLI::App* named = Named(app);
  std::vector<std::string> names;
  for (const CLI::App* sub : named->get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  if (names.empty()) return error.what();
  for (const std::string& rest : app->remaining(true)) {
    if (rest.empty() || rest[0] == '-') continue;
    return absl::StrCat("unknown command \"", rest, "\"", schema::Suggestion(rest, names));
  }
  return absl::StrCat("a command is missing", schema::Suggestion("", names, names.size()));
}

std::string CheckTogether(Invocation* in) {
  const std::optional<absl::Duration> timeout = ParseDuration(in->timeout_text);
  if (!timeout)
    return absl::StrCat("--timeout: \"", in->timeout_text, "\" is no duration; write for example 30s or 2m");
  in->timeout = *timeout;
  if (!in->ttl_text.empty()) {
    in->ttl = ParseDuration(in->ttl_text);
    if (!in->ttl) return absl::StrCat("--ttl: \"", in->ttl_text, "\" is no duration; write for example 15m, 1h or 7d");
  }
  in->format = in->output == "json"   ? Format::kJson
               : in->output == "yaml" ? Format::kYaml
               : in->output == "wide" ? Format::kWide
                                      : Format::kTable;
  if (in->command == Command::kDelete && in->files.empty() == (in->kind.empty() || in->names.empty())) {
    return in->files.empty() ? "say what to delete: KIND NAME, or -f FILE" : "KIND NAME and -f FILE exclude each other";
  }
  if (in->command == Command::kDelete && !in->files.empty() && !in->kind.empty()) {
    return "KIND NAME and -f FILE exclude each other";
  }
  if (in->command == Command::kLog && !in->kind.empty() && in->names.empty()) {
    return "the name is missing: weft log KIND NAME";
  }
  if (in->all_namespaces && !in->ns.empty()) return "-A and -n exclude each other";
  for (const std::string& label : in->labels) {
    if (label.find('=') == label.npos || label[0] == '=') {
      return absl::StrCat("-l: \"", label, "\" is no label; write KEY=VALUE");
    }
  }
  return "";
}

}  // namespace

std::optional<absl::Duration> ParseDuration(const std::string& text) {
  absl::Duration duration;
  int days = 0;
  if (!text.empty() && text.back() == 'd' && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days)) {
    duration = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(text, &duration)) {
    return std::nullopt;
  }
  if (duration <= absl::ZeroDuration() || duration > absl::Hours(24) * 36500) return std::nullopt;
  return duration;
}

std::unique_ptr<CLI::App> BuildApp(Invocation* invocation) {
  auto app = std::make_unique<CLI::App>("weft - the command of the Weft service mesh", "weft");
  app->require_subcommand(1);
  app->set_version_flag("--version", std::string("weft ") + schema::kWeftVersion, "print the version");
  app->set_help_flag("-h,--help", "print this text; each command has one, too");
  app->get_formatter()->column_width(36);
  app->footer(kExitCodes);
  Builder builder(app.get(), invocation);
  builder.Global();
  builder.Objects();
  builder.History();
  builder.Tokens();
  builder.Mesh();
  builder.Rest();
  return app;
}

ParseResult ParseCommandLine(const std::vector<std::string>& arguments, Invocation* invocation) {
  const std::unique_ptr<CLI::App> app = BuildApp(invocation);
  try {
    app->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them from the end
  } catch (const CLI::CallForHelp&) {
    const CLI::App* named = Named(app.get());
    return {kOk, named->help(named->get_parent() == nullptr ? "" : FullName(named->get_parent())), ""};
  } catch (const CLI::CallForVersion& version) {
    return {kOk, std::string(version.what()) + "\n", ""};
  } catch (const CLI::ParseError& error) {
    return {
        kUsage, "",
        absl::StrCat("weft: ", Explain(app.get(), error), "\nweft: see `", FullName(Named(app.get())), " --help`\n")};
  }
  if (const std::string wrong = CheckTogether(invocation); !wrong.empty()) {
    return {kUsage, "", absl::StrCat("weft: ", wrong, "\nweft: see `", FullName(Named(app.get())), " --help`\n")};
  }
  return {};
}

}  // namespace weft::cli
