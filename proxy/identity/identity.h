// Identity: gets this proxy its certificate and keeps it fresh.
//
// The first one by a join token, whose root hash is the only thing that is trusted before; all later ones by the
// certificate that we have. A valid stored one is used at once, so that a restart needs no control plane. What it
// publishes becomes the reserved secrets `default` and `ROOTCA` in assemble/, and the credentials of the ADS channel in
// app/.
//
// Main thread. Owns its coroutine and the files of --identity-dir; `client` and the reactor outlive it. A failure never
// takes the present certificate away: it is told (log, State), and tried again.
#ifndef WEFT_PROXY_IDENTITY_IDENTITY_H_
#define WEFT_PROXY_IDENTITY_IDENTITY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/join_token.h"
#include "proxy/identity/ca_client.h"
#include "proxy/identity/material.h"
#include "proxy/identity/vault.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/scope.h"

namespace weft::identity {

using MaterialPtr = std::shared_ptr<const Material>;

struct Options {
  std::string directory;        // --identity-dir
  std::string join_token;       // the token itself, or
  std::string join_token_file;  // where it is; read at each enrollment, so that a new token needs no restart
  absl::Duration lifetime = absl::ZeroDuration();  // to ask for; zero: the control plane's default
};

struct Hooks {
  // Called with every new identity, also from within Start() when a stored one is good.
  std::function<void(const MaterialPtr&)> changed;
  // One line of text without secrets.
  std::function<void(bool is_problem, const std::string& text)> log;
  // In [0, 1); empty: a generator of its own.
  std::function<double()> random;
};

// For /certs, metrics and readiness.
struct State {
  MaterialPtr material;  // null: none yet
  bool stored = false;   // it comes from the disk; nothing newer was had since the start
  absl::Time renew_at = absl::InfiniteFuture();
  uint64_t enrollments = 0, renewals = 0, failures = 0;
  std::string last_error;  // "" after a success
  absl::Time last_error_at = absl::InfinitePast();
  absl::Time last_success_at = absl::InfinitePast();
};

class Identity {
 public:
  Identity(runtime::Reactor& reactor, Options options, CaClient& client, Hooks hooks);
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  // Opens the directory, publishes a stored valid identity, and begins to work. An error says why there can never be an
  // identity: the directory cannot be used, others may read the key, or there is neither a valid certificate nor a join
  // token.
  absl::Status Start();
  void Stop();  // ends everything that runs; the files stay

  const State& state() const { return state_; }
  const MaterialPtr& current() const { return state_.material; }

 private:
  using Obtained = absl::StatusOr<Material>;

  absl::Status LoadStored();
  absl::StatusOr<pki::JoinToken> ReadToken() const;
  runtime::Task<void> Run();
  runtime::Task<Obtained> Obtain();
  runtime::Task<Obtained> ByCertificate(MaterialPtr present);
  runtime::Task<Obtained> ByToken();
  void Install(Material material, bool stored);
  void NoteFailure(const absl::Status& status);
  std::string Advice(const absl::Status& status) const;
  bool IsDue() const;
  absl::Time WallNow() const;
  double Random();
  void Log(bool is_problem, const std::string& text) const;

  runtime::Reactor& reactor_;
  const Options options_;
  CaClient& client_;
  const Hooks hooks_;
  std::optional<Vault> vault_;  // from Start() on
  State state_;
  runtime::TimePoint due_{};     // state_.renew_at on the steady clock: wall time may jump
  bool token_first_ = false;     // the token is of a root that the stored identity does not know
  std::string pinned_root_pem_;  // of the token whose root hash this is:
  std::string pinned_root_sha256_;
  uint64_t random_state_;
  runtime::Scope scope_;
};

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_IDENTITY_H_
