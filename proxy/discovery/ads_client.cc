#include "proxy/discovery/ads_client.h"

#include <iterator>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proxy/discovery/rejection_text.h"
#include "proxy/discovery/resource_type.h"
#include "proxy/telemetry/log.h"
#include "schema/version.h"

namespace weft::discovery {
namespace {

using telemetry::Component;
using telemetry::LogLevel;

std::function<double()> OrGenerator(std::function<double()> random) {
  if (random) return random;
  return [engine = std::minstd_rand(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

AdsOptions Complete(AdsOptions options) {
  auto& node = options.node;
  if (node.user_agent_name().empty()) {
    node.set_user_agent_name("weft-proxy");
    node.set_user_agent_version(schema::kWeftVersion);
  }
  options.random = OrGenerator(std::move(options.random));
  return options;
}

void Log(LogLevel level, std::string_view text) { telemetry::Log(Component::kXds, level, text); }

std::string Text(const absl::Status& status) {
  return status.ok() ? "closed by the control plane" : telemetry::Printable(std::string(status.message()), 512);
}

}  // namespace

AdsClient::AdsClient(runtime::Reactor& reactor, StreamSource& source, ResourceSink& sink, AdsOptions options)
    : reactor_(reactor),
      source_(source),
      sink_(sink),
      options_(Complete(std::move(options))),
      back_off_(options_.back_off, options_.random) {
  status_.target = source.target();
}

AdsClient::~AdsClient() { Stop(); }

void AdsClient::Start() {
  if (std::exchange(started_, true)) return;
  // Often called from within Apply(): the answer goes first, changes of other types are collected for the end of the
  // turn.
  sink_.SetWantedChanged([this] { reactor_.MakeReady(&ask_again_); });
  OpenMissing();
}

void AdsClient::Stop() {
  if (!std::exchange(started_, false)) return;
  sink_.SetWantedChanged(nullptr);
  ask_again_.Unlink();
  retry_.Cancel();
  settled_.Cancel();
  replacement_.reset();
  current_.reset();
  replacing_ = false;
  status_.connected = false;
  back_off_.Reset();
}

void AdsClient::Reconnect() {
  if (!started_) return;
  back_off_.Reset();
  retry_.Cancel();
  settled_.Cancel();
  replacement_.reset();
  if (current_ != nullptr && !current_->up()) current_.reset();
  replacing_ = current_ != nullptr;
  OpenMissing();
}

void AdsClient::OpenMissing() {
  if (current_ == nullptr) {
    replacing_ = false;
    Open(&current_);
  } else if (replacing_ && replacement_ == nullptr) {
    Open(&replacement_);
  }
}

bool AdsClient::Open(std::unique_ptr<Session>* place) {
  Session::Owner& owner = *this;
  auto session = std::make_unique<Session>(owner, options_.node);
  const absl::Status opened = session->Open(source_);
  if (!opened.ok()) {
    NoteFailure(std::string(opened.message()));
    return false;
  }
  *place = std::move(session);
  Ask(**place);
  return true;
}

void AdsClient::OnSessionUp(Session& session) {
  ++status_.streams;
  if (&session == replacement_.get()) {
    reactor_.timers().Arm(&settled_, reactor_.now() + options_.settle);
  } else {
    NoteConnected();
  }
}

void AdsClient::OnSessionResponse(Session& session, DiscoveryResponse response) {
  if (&session == replacement_.get()) TakeOver();
  back_off_.Reset();
  status_.last_response = reactor_.clock().WallMicros();
  if (!response.control_plane().identifier().empty()) status_.control_plane = response.control_plane().identifier();
  const std::optional<ResourceType> type = TypeOfUrl(response.type_url());
  if (type.has_value() && IsWanted(*type)) {
    Deliver(session, *type, std::move(response));
    return;
  }
  const std::string error =
      absl::StrCat("type_url \"", response.type_url().substr(0, 256), "\": this proxy did not ask for this type");
  Log(LogLevel::kWarning, telemetry::Printable(absl::StrCat("refused a response: ", error)));
  session.RefuseType(response, error);
}

void AdsClient::Deliver(Session& session, ResourceType type, DiscoveryResponse response) {
  const std::string version = response.version_info();
  const std::string nonce = response.nonce();
  const std::vector<Rejection> rejections = Apply(type, &response);
  const std::string error = rejections.empty() ? std::string() : RejectionText(type, rejections);

  TypeStatus& state = status_.of(type);
  state.nonce = nonce;
  NoteAnswer(type, version, error);
  const NameList names = IsWildcard(type) ? NameList() : sink_.WantedNames(type);
  state.names = names.size();
  ++state.requests;
  session.Answer(type, nonce, names, state.accepted_version, error);
}

std::vector<Rejection> AdsClient::Apply(ResourceType type, DiscoveryResponse* response) {
  // A wrong type among them: what the list leaves out is unclear, so none of it is applied.
  for (int i = 0; i < response->resources_size(); ++i) {
    const std::string& url = response->resources(i).type_url();
    if (url == TypeUrl(type)) continue;
    return {{absl::StrCat("resources[", i, "]"), absl::StrCat("type_url is \"", url, "\", expected \"", TypeUrl(type),
                                                              "\"; nothing of this response was applied")}};
  }
  Update update;
  update.type = type;
  update.version = response->version_info();
  auto& resources = *response->mutable_resources();
  update.resources.assign(std::make_move_iterator(resources.begin()), std::make_move_iterator(resources.end()));
  return sink_.Apply(update);
}

void AdsClient::NoteAnswer(ResourceType type, const std::string& version, const std::string& error) {
  TypeStatus& state = status_.of(type);
  state.received_version = version;
  state.last_rejection = error;
  const int64_t now = reactor_.clock().WallMicros();
  if (error.empty()) {
    state.accepted_version = version;
    state.last_success = now;
    ++state.acks;
    return;
  }
  state.last_failure = now;
  ++state.nacks;
  Log(LogLevel::kWarning,
      telemetry::Printable(absl::StrCat("rejected version ", version, ": ", error), 2 * kMaxRejectionBytes));
}

void AdsClient::OnSessionClosed(Session& session, const absl::Status& status) {
  const bool was_up = session.up();
  if (&session == replacement_.get()) {
    settled_.Cancel();
    replacement_.reset();
  } else if (replacement_ != nullptr) {
    TakeOver();
    if (!current_->up()) status_.connected = false;
    return;
  } else {
    current_.reset();
    status_.connected = false;
  }
  NoteFailure(absl::StrCat(was_up ? "stream lost: " : "no stream: ", Text(status)));
}

// The replacement becomes the stream; destroying the other one cancels it.
void AdsClient::TakeOver() {
  settled_.Cancel();
  current_ = std::move(replacement_);
  replacing_ = false;
  if (current_->up()) NoteConnected();
}

void AdsClient::Ask(Session& session) {
  for (int i = 0; i < kResourceTypeCount; ++i) {
    const auto type = static_cast<ResourceType>(i);
    if (!IsWanted(type)) continue;
    const NameList names = IsWildcard(type) ? NameList() : sink_.WantedNames(type);
    TypeStatus& state = status_.of(type);
    state.names = names.size();
    if (session.Subscribe(type, names, state.accepted_version)) ++state.requests;
  }
}

void AdsClient::AskAll() {
  if (current_ != nullptr) Ask(*current_);
  if (replacement_ != nullptr) Ask(*replacement_);
}

bool AdsClient::IsWanted(ResourceType type) const {
  if (type == ResourceType::kCluster) return options_.clusters;
  if (type == ResourceType::kListener) return options_.listeners;
  return true;
}

void AdsClient::NoteFailure(std::string error) {
  ++status_.failures;
  status_.last_error = std::move(error);
  status_.last_error_at = reactor_.clock().WallMicros();
  const base::Duration delay = back_off_.Next();
  reactor_.timers().Arm(&retry_, reactor_.now() + delay);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(delay).count();
  Log(LogLevel::kWarning, absl::StrCat("control plane ", status_.target, ": ", status_.last_error, "; next try in ",
                                       millis, " ms", status_.connected ? "" : ", the last configuration stays"));
}

void AdsClient::NoteConnected() {
  status_.connected = true;
  status_.last_error.clear();
  status_.connected_since = reactor_.clock().WallMicros();
  Log(LogLevel::kInfo, absl::StrCat("connected to control plane ", status_.target));
}

}  // namespace weft::discovery
