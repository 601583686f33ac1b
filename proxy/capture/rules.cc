#include "proxy/capture/rules.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "proxy/net/own_traffic.h"

namespace weft::capture {
namespace {

// Begins the comment of each rule but one; ForeignLine() knows our rules by it.
constexpr char kComment[] = " comment \"weft: ";

std::string Set(const std::vector<PortRange>& ranges) {
  return absl::StrCat("{ ",
                      absl::StrJoin(ranges, ", ",
                                    [](std::string* out, PortRange range) {
                                      absl::StrAppend(out, range.first);
                                      if (range.last != range.first) absl::StrAppend(out, "-", range.last);
                                    }),
                      " }");
}

std::string Set(const std::vector<std::string>& names) {
  return absl::StrCat(
      "{ ",
      absl::StrJoin(names, ", ",
                    [](std::string* out, const std::string& name) { absl::StrAppend(out, "\"", name, "\""); }),
      " }");
}

// One rule per family that occurs: `verdict` for these destinations.
std::string ToNetworks(const std::vector<base::Cidr>& networks, const std::string& verdict) {
  std::string rules;
  for (const auto& [family, word] : {std::pair(AF_INET, "ip"), std::pair(AF_INET6, "ip6")}) {
    std::vector<std::string> items;
    for (const base::Cidr& network : networks) {
      if (network.prefix().family() != family) continue;
      items.push_back(absl::StrCat(network.prefix().ip(), "/", network.length()));
    }
    if (!items.empty()) absl::StrAppend(&rules, "    ", word, " daddr { ", absl::StrJoin(items, ", "), " } ", verdict);
  }
  return rules;
}

std::string Verdict(std::string_view verdict, std::string_view why) {
  return absl::StrCat(std::string(verdict), kComment, std::string(why), "\"\n");
}

std::string InboundChain(const Settings& settings) {
  std::string rules = absl::StrCat("    tcp dport ", kMetricsPort, " ", Verdict("return", "metrics and probes"));
  if (!settings.exclude_inbound_ports.empty()) {
    absl::StrAppend(&rules, "    tcp dport ", Set(settings.exclude_inbound_ports), " ", Verdict("return", "excluded"));
  }
  const std::string what = settings.include_inbound_ports.empty()
                               ? "meta l4proto tcp"
                               : absl::StrCat("tcp dport ", Set(settings.include_inbound_ports));
  absl::StrAppend(&rules, "    ", what, " ", Verdict(absl::StrCat("redirect to :", settings.inbound_port), "inbound"));
  return absl::StrCat("  chain inbound {\n", rules, "  }\n");
}

std::string OutboundChain(const Settings& settings) {
  std::string rules;
  if (!settings.exclude_outbound_ports.empty()) {
    absl::StrAppend(&rules, "    tcp dport ", Set(settings.exclude_outbound_ports), " ", Verdict("return", "excluded"));
  }
  rules += ToNetworks(settings.exclude_outbound_cidrs, Verdict("return", "excluded"));
  const std::string redirect = Verdict(absl::StrCat("redirect to :", settings.outbound_port), "outbound");
  if (settings.include_outbound_ports.empty() && settings.include_outbound_cidrs.empty()) {
    absl::StrAppend(&rules, "    meta l4proto tcp ", redirect);
  }
  if (!settings.include_outbound_ports.empty()) {
    absl::StrAppend(&rules, "    tcp dport ", Set(settings.include_outbound_ports), " ", redirect);
  }
  rules += ToNetworks(settings.include_outbound_cidrs, "meta l4proto tcp " + redirect);
  return absl::StrCat("  chain outbound {\n", rules, "  }\n");
}

// The proxy's own connection to an endpoint of this very pod: its inbound side takes it, as it would from another pod.
std::string OwnChain(const Settings& settings) {
  std::string rules =
      absl::StrCat("    oifname \"lo\" ip daddr != 127.0.0.0/8 ", Verdict("jump inbound", "own service"));
  if (!settings.ipv4_only) {
    absl::StrAppend(&rules, "    oifname \"lo\" ip6 daddr != ::1 ", Verdict("jump inbound", "own service"));
  }
  return absl::StrCat("  chain own {\n", rules, "  }\n");
}

// Connection tracking begins with these rules, and takes the next packet of an older connection for the first of a new
// one: to redirect that would break it.
std::string OlderConnections() {
  return absl::StrCat("    tcp flags & (fin | syn | rst | ack) != syn ", Verdict("return", "open before these rules"));
}

std::string Prerouting(const Settings& settings) {
  std::string rules = "    type nat hook prerouting priority dstnat; policy accept;\n" + OlderConnections();
  if (!settings.exclude_interfaces.empty()) {
    absl::StrAppend(&rules, "    iifname ", Set(settings.exclude_interfaces), " ", Verdict("return", "excluded"));
  }
  // Not what is only forwarded through this namespace, such as a bridge of containers inside the pod.
  absl::StrAppend(&rules, "    fib daddr type local meta l4proto tcp ", Verdict("jump inbound", "to this pod"));
  return absl::StrCat("  chain prerouting {\n", rules, "  }\n");
}

std::string Output(const Settings& settings) {
  std::string rules = "    type nat hook output priority -100; policy accept;\n";
  absl::StrAppend(&rules, "    meta l4proto != tcp ", Verdict("return", "not TCP"), OlderConnections());
  absl::StrAppend(&rules, absl::StrFormat("    meta mark 0x%08x ", net::kStraightTrafficMark),
                  Verdict("return", "own, straight to where the client was going"));
  absl::StrAppend(&rules, "    meta priority 0:", net::kStraightTrafficPriority, " ",
                  Verdict("return", "the same, without the right to set marks"));
  absl::StrAppend(&rules, absl::StrFormat("    meta mark 0x%08x ", net::kOwnTrafficMark),
                  Verdict("goto own", "own, to an endpoint"));
  absl::StrAppend(&rules, "    meta priority 0:", net::kOwnTrafficPriority, " ",
                  Verdict("goto own", "the same, without the right to set marks"));
  absl::StrAppend(&rules, "    oifname \"lo\" ", Verdict("return", "within the pod"));
  if (!settings.exclude_interfaces.empty()) {
    absl::StrAppend(&rules, "    oifname ", Set(settings.exclude_interfaces), " ", Verdict("return", "excluded"));
  }
  absl::StrAppend(&rules, "    goto outbound\n");
  return absl::StrCat("  chain output {\n", rules, "  }\n");
}

}  // namespace

// Deleting what may not be there needs it to be added first; both belong to the one transaction.
std::string UndoText() {
  return "add table inet weft\ndelete table inet weft\n"
         "add table ip weft\ndelete table ip weft\n";
}

std::string RulesText(const Settings& settings) {
  return absl::StrCat(UndoText(), "table ", settings.ipv4_only ? "ip" : "inet", " weft {\n", InboundChain(settings),
                      OutboundChain(settings), OwnChain(settings), Prerouting(settings), Output(settings), "}\n");
}

std::string ForeignLine(std::string_view listing) {
  constexpr std::string_view kChains[] = {"inbound", "outbound", "own", "prerouting", "output"};
  for (const absl::string_view one : absl::StrSplit(absl::string_view(listing.data(), listing.size()), '\n')) {
    const absl::string_view line = absl::StripAsciiWhitespace(one);
    const bool is_frame = line.empty() || line == "}" || absl::StartsWith(line, "table ");
    const bool is_chain = std::any_of(std::begin(kChains), std::end(kChains), [&](std::string_view name) {
      return line == absl::StrCat("chain ", absl::string_view(name.data(), name.size()), " {");
    });
    const bool is_rule =
        absl::StrContains(line, kComment) || line == "goto outbound" || absl::StartsWith(line, "type nat hook ");
    if (!is_frame && !is_chain && !is_rule) return std::string(line);
  }
  return "";
}

}  // namespace weft::capture
