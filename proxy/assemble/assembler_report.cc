// What Assembler tells about itself: readiness, figures, certificates, resources.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proxy/assemble/assembler_state.h"
#include "proxy/assemble/describe.h"

namespace weft::assemble {

using discovery::ResourceType;

std::vector<std::string> Assembler::State::WaitingFor() const {
  std::vector<std::string> waiting;
  const auto received = [&](ResourceType type) { return facts_[static_cast<size_t>(type)].received; };
  if (snapshot_ == nullptr) waiting.push_back("the first configuration");
  if (options_.has_identity && !has_identity_now_) waiting.push_back("the certificate of this proxy");
  if (bootstrap_.ads && bootstrap_.ads->clusters && !received(ResourceType::kCluster)) {
    waiting.push_back("clusters of the control plane");
  }
  if (bootstrap_.ads && bootstrap_.ads->listeners && !received(ResourceType::kListener)) {
    waiting.push_back("listeners of the control plane");
  }
  if (deps_.reactor.now() < endpoints_deadline_) {
    for (std::string& text : clusters_.WaitingFor()) waiting.push_back(std::move(text));
  }
  for (std::string& text : listeners_.WaitingFor(deps_.reactor.now())) waiting.push_back(std::move(text));
  return waiting;
}

Readiness Assembler::State::readiness() const {
  Readiness readiness;
  readiness.waiting_for = WaitingFor();
  was_ready_ |= readiness.waiting_for.empty();
  readiness.ready = was_ready_;
  return readiness;
}

TypeFacts Assembler::State::facts(ResourceType type) const {
  TypeFacts facts = facts_[static_cast<size_t>(type)];
  facts.ignored_fields = ignored_.count(type);
  const auto count = [&](const auto& shelf) {
    facts.resources = static_cast<size_t>(std::count_if(
        shelf.held().begin(), shelf.held().end(), [](const auto& entry) { return entry.second.plan != nullptr; }));
  };
  if (type == ResourceType::kCluster) count(clusters_.clusters());
  if (type == ResourceType::kEndpoint) count(clusters_.endpoints());
  if (type == ResourceType::kListener) count(listeners_.listeners());
  if (type == ResourceType::kRoute) count(listeners_.routes());
  if (type == ResourceType::kSecret) count(secret_shelf_);
  return facts;
}

std::vector<CertificateFact> Assembler::State::certificates() const {
  std::vector<CertificateFact> facts;
  const auto add = [&](const std::string& name, const std::string& pem) {
    if (auto fact = FactOf(name, pem)) facts.push_back(*std::move(fact));
  };
  for (const auto& [name, secret] : secrets_.all()) {
    if (secret.certificate) add(name, secret.certificate->chain_pem);
    if (secret.validation) add(name, secret.validation->trusted_ca_pem);
  }
  for (const auto& [path, content] : secrets_.files()) add(path, content);  // keys are no certificates and give nothing
  return facts;
}

std::vector<ResourceDump> Assembler::State::Dump(ResourceType type) const {
  std::vector<ResourceDump> dumps;
  switch (type) {
    case ResourceType::kCluster:
      dumps = DumpShelf(type, clusters_.clusters().held());
      for (ResourceDump& dump : dumps) {
        const auto built = clusters_.built().find(dump.name);
        dump.warming = built == clusters_.built().end() || !built->second->ready;
      }
      break;
    case ResourceType::kEndpoint: dumps = DumpShelf(type, clusters_.endpoints().held()); break;
    case ResourceType::kListener:
      dumps = DumpShelf(type, listeners_.listeners().held());
      for (ResourceDump& dump : dumps) dump.warming = listeners_.IsWarming(dump.name);
      break;
    case ResourceType::kRoute: dumps = DumpShelf(type, listeners_.routes().held()); break;
    case ResourceType::kSecret: dumps = DumpShelf(type, secret_shelf_.held()); break;
  }
  return dumps;
}

absl::StatusOr<std::optional<config::UpstreamTlsSpec>> Assembler::State::ClientTls(const std::string& cluster) {
  const config::ClusterSpec* spec = clusters_.clusters().Find(cluster);
  if (spec == nullptr) return absl::NotFoundError(absl::StrCat("no cluster ", cluster));
  if (!spec->tls) return std::optional<config::UpstreamTlsSpec>();
  config::UpstreamTlsSpec filled = *spec->tls;
  std::vector<std::string> missing;
  if (absl::Status status = secrets_.Fill(&filled.common, &missing); !status.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("cluster ", cluster, ": ", status.message()));
  }
  if (missing.empty()) return std::optional<config::UpstreamTlsSpec>(std::move(filled));
  return absl::FailedPreconditionError(absl::StrCat("cluster ", cluster, ": secret ", absl::StrJoin(missing, ", "),
                                                    " has not come (default and ROOTCA come with --identity-dir)"));
}

}  // namespace weft::assemble
