#include "control/cli/completion.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "control/cli/invocation.h"

namespace weft::cli {
namespace {

constexpr char kKinds[] =
    "services workloadentries httproutes tcproutes tlsroutes backendtlspolicies configmaps peerauthentications "
    "meshconfigs all";

struct Flag {
  std::string text;    // --output
  std::string letter;  // -o, or empty
  std::string about;
  bool takes_value;
};

// A command, as "get" or "token create", with the words that may follow it.
struct Entry {
  std::string path;
  std::string about;
  std::vector<std::string> words;
  std::vector<Flag> flags;
};

void Collect(const CLI::App* app, const std::string& path, std::vector<Entry>* out) {
  Entry entry{path, app->get_description(), {}, {}};
  const auto subcommands = app->get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subcommands) entry.words.push_back(sub->get_name());
  for (const CLI::Option* option : app->get_options()) {
    if (option->get_lnames().empty()) continue;
    entry.flags.push_back({"--" + option->get_lnames()[0],
                           option->get_snames().empty() ? "" : "-" + option->get_snames()[0], option->get_description(),
                           option->get_items_expected_max() > 0});
  }
  if (path == "get" || path == "delete" || path == "log") entry.words = {kKinds};
  if (path == "completion") entry.words = {"bash zsh fish"};
  out->push_back(entry);
  for (const CLI::App* sub : subcommands) {
    Collect(sub, path.empty() ? sub->get_name() : absl::StrCat(path, " ", sub->get_name()), out);
  }
}

std::vector<Entry> Commands() {
  Invocation invocation;
  const auto app = BuildApp(&invocation);
  std::vector<Entry> out;
  Collect(app.get(), "", &out);
  return out;
}

std::vector<std::string> FlagWords(const Entry& entry, const Entry& global) {
  std::vector<std::string> out;
  for (const Entry* from : {&entry, &global}) {
    for (const Flag& flag : from->flags) {
      if (std::find(out.begin(), out.end(), flag.text) == out.end()) out.push_back(flag.text);
    }
    if (from == &global || &entry == &global) break;
  }
  return out;
}

// One function that finds the command among the words typed so far; bash and zsh (by bashcompinit) share it, so no
// variable may be one of zsh's own (path, words is hidden by bashcompinit).
std::string Bash() {
  const std::vector<Entry> commands = Commands();
  std::string cases, valued;
  for (const Entry& entry : commands) {
    absl::StrAppend(&cases, "    '", entry.path, "') words='", absl::StrJoin(entry.words, " "), "'; flags='",
                    absl::StrJoin(FlagWords(entry, commands[0]), " "), "' ;;\n");
    for (const Flag& flag : entry.flags) {
      if (!flag.takes_value) continue;
      absl::StrAppend(&valued, valued.empty() ? "" : "|", flag.text, flag.letter.empty() ? "" : "|", flag.letter);
    }
  }
  return absl::StrReplaceAll(
      R"SCRIPT(# weft completion for bash: source <(weft completion bash)
_weft() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
  local typed='' word words='' flags='' index skip=0
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="${COMP_WORDS[index]}"
    if ((skip)); then skip=0; continue; fi
    case "$word" in
      @VALUED@) skip=1; continue ;;
      -*) continue ;;
    esac
    case "$typed" in
      '') typed="$word" ;;
      token) typed="token $word" ;;
    esac
  done
  case "$previous" in
    -f|--filename|--token-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    -o|--output) mapfile -t COMPREPLY < <(compgen -W 'table wide json yaml' -- "$current"); return ;;
    --type) mapfile -t COMPREPLY < <(compgen -W 'listeners routes clusters endpoints secrets' -- "$current"); return ;;
    @VALUED@) return ;;
  esac
  case "$typed" in
@CASES@  esac
  if [[ "$current" == -* ]]; then words="$flags"; fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _weft weft
)SCRIPT",
      {{"@VALUED@", valued}, {"@CASES@", cases}});
}

std::string Zsh() {
  return absl::StrCat(
      "#compdef weft\n# weft completion for zsh\nautoload -U +X bashcompinit && bashcompinit\n",
      absl::StrReplaceAll(Bash(), {{"mapfile -t COMPREPLY < <(", "COMPREPLY=( $("},
                                   {"-- \"$current\")", "-- \"$current\") )"},
                                   {"# weft completion for bash: source <(weft completion bash)\n", ""}}));
}

std::string FishQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string Fish() {
  std::string out = "# weft completion for fish\ncomplete -c weft -f\n";
  const std::vector<Entry> commands = Commands();
  for (const Entry& entry : commands) {
    const size_t space = entry.path.find(' ');
    std::string condition = "__fish_use_subcommand";
    if (!entry.path.empty()) {
      condition = absl::StrCat("__fish_seen_subcommand_from ", entry.path.substr(0, space));
      if (space != entry.path.npos)
        absl::StrAppend(&condition, "; and __fish_seen_subcommand_from ", entry.path.substr(space + 1));
    }
    for (const std::string& word : entry.words) {
      const std::string child = entry.path.empty() ? word : absl::StrCat(entry.path, " ", word);
      std::string about;
      for (const Entry& other : commands) {
        if (other.path == child) about = other.about;
      }
      absl::StrAppend(&out, "complete -c weft -n ", FishQuoted(condition), " -a ", FishQuoted(word));
      if (!about.empty()) absl::StrAppend(&out, " -d ", FishQuoted(about));
      out += '\n';
    }
    for (const Flag& flag : entry.flags) {
      if (!entry.path.empty() && flag.text == "--help") continue;
      absl::StrAppend(&out, "complete -c weft");
      if (!entry.path.empty()) absl::StrAppend(&out, " -n ", FishQuoted(condition));
      if (!flag.letter.empty()) absl::StrAppend(&out, " -s ", flag.letter.substr(1));
      absl::StrAppend(&out, " -l ", flag.text.substr(2));
      if (flag.takes_value) out += flag.text == "--filename" || flag.text == "--token-file" ? " -r -F" : " -x";
      if (flag.text == "--output") out += " -a 'table wide json yaml'";
      absl::StrAppend(&out, " -d ", FishQuoted(flag.about), "\n");
    }
  }
  return out;
}

}  // namespace

std::string CompletionScript(const std::string& shell) {
  if (shell == "fish") return Fish();
  return shell == "zsh" ? Zsh() : Bash();
}

}  // namespace weft::cli
