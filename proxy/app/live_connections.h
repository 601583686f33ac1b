// LiveConnections: the connections of one worker that have their filter chain. A change of configuration closes none of
// them, except those that their listener would refuse now (a plain one after mutual TLS became strict); a drain ends
// them gently. Worker thread only. Does not own them.
#ifndef WEFT_PROXY_APP_LIVE_CONNECTIONS_H_
#define WEFT_PROXY_APP_LIVE_CONNECTIONS_H_

#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/intrusive_list.h"
#include "proxy/base/string_map.h"
#include "proxy/config/snapshot.h"

namespace weft::app {

// Takes itself out of the list when it dies. Both calls only mark: the connection ends in a later turn.
class LiveConnection : public base::ListNode {
 public:
  virtual std::string_view listener() const = 0;
  // Its listener is another object in this Snapshot.
  virtual void Review(const config::Snapshot& snapshot) = 0;
  virtual void BeginDrain() = 0;

 protected:
  ~LiveConnection() = default;
};

class LiveConnections {
 public:
  void Add(LiveConnection* connection) { list_.PushBack(connection); }
  // After each swap. Looks at the connections of listeners that have changed, so that other changes cost nothing here.
  // A listener that is gone leaves its connections alone.
  void Review(const config::Snapshot& snapshot);
  void BeginDrain();

 private:
  base::List<LiveConnection> list_;
  // What the connections were accepted under or reviewed for. Weak: the last reference to a Listener is the main
  // thread's.
  base::StringMap<std::weak_ptr<const config::Listener>> reviewed_;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_LIVE_CONNECTIONS_H_
