#include "proxy/identity/identity.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pki/key.h"
#include "pki/private_file.h"
#include "proxy/identity/schedule.h"
#include "proxy/runtime/wait.h"

namespace weft::identity {
namespace {

using runtime::Task;

constexpr auto kAttemptLimit = std::chrono::seconds(20);
// Sleeps are cut, because the steady clock stands still while a machine is suspended and certificates end meanwhile.
constexpr auto kLongestSleep = std::chrono::seconds(60);

absl::Status Annotate(const absl::Status& status, const std::string& before) {
  return absl::Status(status.code(), absl::StrCat(before, status.message()));
}

std::string For(absl::Duration duration) { return absl::FormatDuration(absl::Trunc(duration, absl::Seconds(1))); }

}  // namespace

Identity::Identity(runtime::Reactor& reactor, Options options, CaClient& client, Hooks hooks)
    : reactor_(reactor),
      options_(std::move(options)),
      client_(client),
      hooks_(std::move(hooks)),
      random_state_(std::random_device()()),
      scope_(reactor) {}

Identity::~Identity() = default;

absl::Status Identity::Start() {
  auto vault = Vault::Open(options_.directory);
  if (!vault.ok()) return vault.status();
  vault_ = *std::move(vault);
  if (absl::Status status = LoadStored(); !status.ok()) return status;
  scope_.Spawn(Run());
  return absl::OkStatus();
}

void Identity::Stop() { scope_.Cancel(); }

absl::Status Identity::LoadStored() {
  auto stored = vault_->Load();
  if (absl::IsPermissionDenied(stored.status())) return stored.status();
  if (stored.ok() && stored->not_after <= WallNow()) {
    stored = absl::FailedPreconditionError(absl::StrCat(vault_->identity_path(), ": the certificate of ", stored->uri,
                                                        " expired ", For(WallNow() - stored->not_after), " ago"));
  }
  auto token = ReadToken();
  if (!stored.ok()) {
    if (!absl::IsNotFound(stored.status())) Log(true, std::string(stored.status().message()));
    if (token.ok()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(absl::IsNotFound(stored.status())
                                                          ? absl::StrCat(vault_->identity_path(), ": there is none")
                                                          : std::string(stored.status().message()),
                                                      "; and to ask for one: ", token.status().message()));
  }
  token_first_ = token.ok() && !HasRoot(stored->roots_pem, token->root_sha256);
  Install(*std::move(stored), /*stored=*/true);
  return absl::OkStatus();
}

absl::StatusOr<pki::JoinToken> Identity::ReadToken() const {
  std::string text = options_.join_token;
  if (text.empty()) {
    if (options_.join_token_file.empty()) {
      return absl::NotFoundError(
          "no join token is given; make one with: weft token create --identity NAMESPACE/SERVICE-ACCOUNT");
    }
    // A projected secret may be readable for a group: the token is the operator's file, not ours.
    auto read = pki::ReadSmallFile(options_.join_token_file);
    if (!read.ok()) return Annotate(read.status(), "join token: ");
    text = *std::move(read);
  }
  auto token = pki::ParseJoinToken(text);
  if (!token.ok() && !options_.join_token_file.empty())
    return Annotate(token.status(), options_.join_token_file + ": ");
  return token;
}

Task<void> Identity::Run() {
  for (int failures = 0;;) {
    if (!IsDue()) {
      co_await runtime::SleepUntil(reactor_, std::min(due_, reactor_.now() + kLongestSleep));
      continue;
    }
    auto ended = co_await runtime::Within(reactor_, reactor_.now() + kAttemptLimit, nullptr, Obtain());
    Obtained obtained =
        ended.outcome == runtime::Outcome::kDone
            ? std::move(*ended.value)
            : Obtained(absl::DeadlineExceededError(absl::StrCat(client_.address(), " did not answer in time")));
    if (obtained.ok()) {
      failures = 0;
      token_first_ = false;
      Install(*std::move(obtained), /*stored=*/false);
      continue;
    }
    NoteFailure(obtained.status());
    const absl::Duration left = current() == nullptr ? absl::ZeroDuration() : current()->not_after - WallNow();
    const absl::Duration delay = RetryDelay(++failures, left, Random());
    co_await runtime::SleepUntil(reactor_, reactor_.now() + absl::ToChronoNanoseconds(delay));
  }
}

// By the certificate where there is one; by the token where there is none, or it does not help.
Task<Identity::Obtained> Identity::Obtain() {
  const MaterialPtr present = current();
  if (present == nullptr) co_return co_await ByToken();
  const bool has_token = ReadToken().ok();
  const bool expired = present->not_after <= WallNow();
  Obtained first = absl::UnknownError("");
  if (has_token && (token_first_ || expired)) {
    first = co_await ByToken();
    if (first.ok()) co_return first;
    Obtained second = co_await ByCertificate(present);  // our clock may be wrong, or the token old
    if (second.ok()) co_return second;
    co_return absl::Status(first.status().code(),
                           absl::StrCat(first.status().message(), "; ", second.status().message()));
  }
  first = co_await ByCertificate(present);
  if (first.ok() || !has_token || !absl::IsUnauthenticated(first.status())) co_return first;
  Obtained second = co_await ByToken();
  if (second.ok()) co_return second;
  co_return absl::Status(first.status().code(),
                         absl::StrCat(first.status().message(), "; ", second.status().message()));
}

Task<Identity::Obtained> Identity::ByCertificate(MaterialPtr present) {
  auto key = pki::NewKeyPem();
  if (!key.ok()) co_return key.status();
  auto csr = pki::MakeCsrPem(*key, present->uri);
  if (!csr.ok()) co_return csr.status();
  SigningRequest request;
  request.csr_pem = *std::move(csr);
  request.lifetime = options_.lifetime;
  request.roots_pem = present->roots_pem;
  request.client_key_pem = present->key_pem;
  request.client_chain_pem = present->chain_pem;
  auto answer = co_await client_.Sign(std::move(request));
  const std::string what = absl::StrCat("renewal of ", present->uri, " at ", client_.address(), ": ");
  if (!answer.ok()) co_return Annotate(answer.status(), what);
  Obtained material = MakeMaterial(*std::move(key), *answer, WallNow());
  if (!material.ok()) co_return Annotate(material.status(), what + "the answer cannot be used: ");
  if (material->uri != present->uri) {
    co_return absl::InternalError(absl::StrCat(what, "the answer is a certificate of ", material->uri));
  }
  co_return material;
}

Task<Identity::Obtained> Identity::ByToken() {
  auto token = ReadToken();
  if (!token.ok()) co_return token.status();
  const std::string what = absl::StrCat("enrollment at ", client_.address(), ": ");
  auto key = vault_->EnrollmentKey();
  if (!key.ok()) co_return Annotate(key.status(), what);
  auto csr = pki::MakeCsrPem(*key, "");
  if (!csr.ok()) co_return Annotate(csr.status(), what);
  if (pinned_root_sha256_ != token->root_sha256) {
    auto root = co_await client_.FetchRoot(token->root_sha256);
    if (!root.ok()) co_return Annotate(root.status(), absl::StrCat(what, "the first contact: "));
    pinned_root_pem_ = *std::move(root);
    pinned_root_sha256_ = token->root_sha256;
  }
  SigningRequest request;
  request.csr_pem = *std::move(csr);
  request.lifetime = options_.lifetime;
  request.roots_pem = pinned_root_pem_;
  request.join_token = token->ToString();
  auto answer = co_await client_.Sign(std::move(request));
  if (!answer.ok()) co_return Annotate(answer.status(), what);
  Obtained material = MakeMaterial(*std::move(key), *answer, WallNow());
  if (!material.ok()) co_return Annotate(material.status(), what + "the answer cannot be used: ");
  if (!HasRoot(material->roots_pem, token->root_sha256)) {
    co_return absl::PermissionDeniedError(
        absl::StrCat(what, "the root of join token ", token->id, " is not among the answer's roots"));
  }
  co_return material;
}

void Identity::Install(Material material, bool stored) {
  const absl::Time now = WallNow();
  if (!stored) {
    ++(state_.material == nullptr ? state_.enrollments : state_.renewals);
    state_.last_success_at = now;
    state_.last_error.clear();
    if (absl::Status status = vault_->Store(material); !status.ok()) {
      Log(true,
          absl::StrCat("the identity is in use but not stored, a restart will have to ask again: ", status.message()));
    } else {
      vault_->ForgetEnrollmentKey();
    }
  }
  if (now < material.not_before || now >= material.not_after) {
    Log(true, absl::StrCat("the clock of this machine is wrong: it says ", absl::FormatTime(now, absl::UTCTimeZone()),
                           ", but the certificate that just came is valid from ",
                           absl::FormatTime(material.not_before, absl::UTCTimeZone()), " to ",
                           absl::FormatTime(material.not_after, absl::UTCTimeZone())));
  }
  state_.stored = stored;
  state_.renew_at = token_first_ ? now : RenewalTime(material, Random());
  due_ = reactor_.now() + absl::ToChronoNanoseconds(std::max(absl::ZeroDuration(), state_.renew_at - now));
  state_.material = std::make_shared<const Material>(std::move(material));
  const Material& have = *state_.material;
  Log(false, absl::StrCat(stored ? "stored identity " : "identity ", have.uri, ", serial ", have.serial, ", valid for ",
                          For(have.not_after - now), ", renewal in ", For(state_.renew_at - now)));
  if (hooks_.changed) hooks_.changed(state_.material);
}

void Identity::NoteFailure(const absl::Status& status) {
  ++state_.failures;
  state_.last_error = std::string(status.message());
  state_.last_error_at = WallNow();
  std::string text = state_.last_error;
  if (current() != nullptr) {
    const absl::Duration left = current()->not_after - WallNow();
    absl::StrAppend(
        &text,
        left > absl::ZeroDuration() ? "; the present certificate is good for another " : "; the certificate expired ",
        For(absl::AbsDuration(left)), left > absl::ZeroDuration() ? "" : " ago");
  }
  Log(true, absl::StrCat(text, Advice(status)));
}

// When no further try can help but with another token: a token of one use is spent after the first certificate, and a
// proxy that was away for longer than that one lasts has nothing else to show.
std::string Identity::Advice(const absl::Status& status) const {
  if (current() != nullptr && current()->not_after > WallNow()) return "";
  if (!absl::IsUnauthenticated(status) && ReadToken().ok()) return "";
  const std::string how =
      options_.join_token_file.empty()
          ? "and start this proxy with it (a --join-token-file is read again without a restart)"
          : absl::StrCat("and put it into ", options_.join_token_file, ", which is read again at each try");
  return absl::StrCat("; it needs a new join token: weft token create --identity NAMESPACE/SERVICE-ACCOUNT, ", how);
}

bool Identity::IsDue() const {
  return current() == nullptr || reactor_.now() >= due_ || WallNow() >= std::max(state_.renew_at, current()->received);
}

absl::Time Identity::WallNow() const { return absl::FromUnixMicros(reactor_.clock().WallMicros()); }

double Identity::Random() {
  if (hooks_.random) return hooks_.random();
  random_state_ = random_state_ * 6364136223846793005u + 1442695040888963407u;
  return static_cast<double>(random_state_ >> 11) / static_cast<double>(uint64_t{1} << 53);
}

void Identity::Log(bool is_problem, const std::string& text) const {
  if (hooks_.log) hooks_.log(is_problem, text);
}

}  // namespace weft::identity
