// One accepted connection from socket to end, as one straight line: listener, first bytes, filter chain, TLS, then HTTP
// or opaque. Worker thread only.
#ifndef WEFT_PROXY_APP_CONNECTION_H_
#define WEFT_PROXY_APP_CONNECTION_H_

#include <string>
#include <string_view>

#include "proxy/accept/acceptor.h"
#include "proxy/runtime/task.h"

namespace weft::app {

class DataPath;

// The name that sockets of a port have which --hold bound and no listener has taken over yet.
std::string HeldName(uint16_t port);
bool IsHeldName(std::string_view listener);

// Ends when the connection has ended. Every way out is told to the Observer.
runtime::Task<void> ServeConnection(DataPath& path, std::string listener, accept::Accepted accepted);

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_CONNECTION_H_
