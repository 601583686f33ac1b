// TlsContexts: compiles TLS settings whose secrets are in place, the same settings once. Main thread only. Keeps weak
// references: a context dies with its last user.
#ifndef WEFT_PROXY_ASSEMBLE_TLS_CONTEXTS_H_
#define WEFT_PROXY_ASSEMBLE_TLS_CONTEXTS_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/assemble/secrets.h"
#include "proxy/config/spec.h"
#include "proxy/tls/context.h"

namespace weft::assemble {

// Both null context and empty `missing`: not possible.
template <class Context>
struct Compiled {
  std::shared_ptr<const Context> context;  // null: something is missing
  std::vector<std::string> missing;        // names of secrets that have not come
  uint64_t settings_hash = 0;              // of a client: tls::SettingsHash
};

class TlsContexts {
 public:
  explicit TlsContexts(Secrets& secrets) : secrets_(secrets) {}

  absl::StatusOr<Compiled<tls::ClientContext>> Client(const config::UpstreamTlsSpec& spec);
  absl::StatusOr<Compiled<tls::ServerContext>> Server(const config::DownstreamTlsSpec& spec);
  // Forgets what nobody uses any more.
  void Sweep();

 private:
  using Fingerprint = std::array<uint8_t, 32>;  // SHA-256 of everything in the spec
  Secrets& secrets_;
  std::map<Fingerprint, std::weak_ptr<const tls::ClientContext>> clients_;
  std::map<Fingerprint, std::weak_ptr<const tls::ServerContext>> servers_;
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_TLS_CONTEXTS_H_
