// The nftables rules of a captured pod, as text. Pure functions; any thread.
//
// Only the first packet of a TCP connection passes these chains (they are nat chains). What leaves the pod goes to the
// outbound port, what comes in goes to the inbound port; the proxy asks the kernel where a connection was going
// (SO_ORIGINAL_DST). The proxy's own connections are known by their mark or priority (proxy/net/own_traffic.h), so that
// none comes back to it, except the one kind that should: to an address of this pod, when a pod calls its own service.
// Traffic within the pod (over lo) is left alone. Nothing outside of the table `weft` is read or written.
#ifndef WEFT_PROXY_CAPTURE_RULES_H_
#define WEFT_PROXY_CAPTURE_RULES_H_

#include <string>
#include <string_view>

#include "proxy/capture/settings.h"

namespace weft::capture {

// One transaction: removes what capture wrote earlier and writes it anew, so that applying twice is applying once.
// `settings` must have passed Check().
std::string RulesText(const Settings& settings);

// Removes what capture wrote; succeeds when there is nothing.
std::string UndoText();

// The first line of a table, as nft lists it, that RulesText() cannot have written; "" when it is ours, or empty. What
// is somebody else's and only has our name must not be replaced.
std::string ForeignLine(std::string_view listing);

}  // namespace weft::capture

#endif  // WEFT_PROXY_CAPTURE_RULES_H_
