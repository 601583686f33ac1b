// One accepted connection from socket to end, as one straight line: destination, first bytes, filter chain, TLS, then HTTP or
// opaque. Worker thread only.
#ifndef WEFT_PROXY_APP_CONNECTION_H_
#define WEFT_PROXY_APP_CONNECTION_H_

#include <string>

#include "proxy/accept/acceptor.h"
#include "proxy/runtime/task.h"

namespace weft::app {

class DataPath;

// Ends when the connection has ended. Every way out is told to the Observer.
runtime::Task<void> ServeConnection(DataPath& path, std::string listener, accept::Accepted accepted);

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_CONNECTION_H_
