#include "proxy/tls/verifier.h"

#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <re2/re2.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "pki/x509.h"
#include "proxy/tls/peer_names.h"
#include "proxy/tls/revocation.h"

namespace weft::tls {

namespace {

using How = config::SanMatchSpec::How;
using Type = config::SanMatchSpec::Type;

std::string WhoIs(const PeerIdentity& peer) {
  if (!peer.uri.empty()) return peer.uri;
  if (!peer.dns_names.empty()) return peer.dns_names.front();
  return peer.subject.empty() ? absl::StrCat("serial ", peer.serial) : peer.subject;
}

// "cluster.local" of "spiffe://cluster.local/ns/…", only where the authority is complete; else "".
std::string_view TrustDomain(std::string_view uri) {
  constexpr std::string_view kScheme = "spiffe://";
  if (!uri.starts_with(kScheme)) return {};
  uri.remove_prefix(kScheme.size());
  const size_t end = uri.find('/');
  return end == std::string_view::npos ? std::string_view() : uri.substr(0, end);
}

const char* TypeName(Type type) {
  switch (type) {
    case Type::kUri: return "URI";
    case Type::kDns: return "DNS";
    case Type::kEmail: return "email";
    case Type::kIp: return "IP";
  }
  return "";
}

std::string WantedText(const config::SanMatchSpec& spec) {
  static constexpr const char* kHow[] = {"", "prefix ", "suffix ", "containing ", "regex "};
  return absl::StrCat(TypeName(spec.type), " ", kHow[static_cast<int>(spec.how)], spec.text);
}

std::string When(int64_t unix_seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_seconds), absl::UTCTimeZone());
}

FaultReport DateFault(Fault fault, X509* bad, const PeerIdentity& peer, bool is_leaf, int64_t now) {
  const bool expired = fault == Fault::kExpired;
  const int64_t limit = absl::ToUnixSeconds(pki::ToTime(expired ? X509_get0_notAfter(bad) : X509_get0_notBefore(bad)));
  const absl::Duration distance = absl::Seconds(expired ? now - limit : limit - now);
  return {fault, absl::StrCat(is_leaf ? "certificate of " : "issuing certificate of ", WhoIs(peer),
                              expired ? " expired " : " becomes valid in ", absl::FormatDuration(distance),
                              expired ? " ago, at " : ", at ", When(limit), "; our clock says ", When(now))};
}

Fault FaultOf(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return Fault::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return Fault::kNotYetValid;
    case X509_V_ERR_INVALID_PURPOSE: return Fault::kWrongUsage;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG: return Fault::kUntrustedIssuer;
    case X509_V_ERR_CERT_REVOKED: return Fault::kRevoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION: return Fault::kRevocationUnknown;
    default: return Fault::kBadCertificate;
  }
}

uint64_t NextNumber() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

bssl::UniquePtr<CRYPTO_BUFFER> SubjectOf(X509* root) {
  uint8_t* der = nullptr;
  const int size = i2d_X509_NAME(X509_get_subject_name(root), &der);
  bssl::UniquePtr<uint8_t> owner(der);
  if (size <= 0) return nullptr;
  return bssl::UniquePtr<CRYPTO_BUFFER>(CRYPTO_BUFFER_new(der, static_cast<size_t>(size), nullptr));
}

// Of its public key: a root that was renewed with the same key is the same root.
uint64_t RootId(const X509* root) {
  bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(root));
  const std::string spki = key ? pki::SpkiSha256(key.get()) : "";
  uint64_t id = 0;
  std::memcpy(&id, spki.data(), std::min(sizeof id, spki.size()));
  return id;
}

}  // namespace

ChainVerifier::~ChainVerifier() = default;

absl::StatusOr<std::unique_ptr<const ChainVerifier>> ChainVerifier::Compile(const config::ValidationSpec& spec,
                                                                            Side peer) {
  std::unique_ptr<ChainVerifier> verifier(new ChainVerifier);
  verifier->number_ = NextNumber();
  verifier->peer_ = peer;
  verifier->accept_untrusted_ = spec.accept_untrusted;
  verifier->max_depth_ = spec.max_verify_depth;
  verifier->roots_.reset(sk_X509_new_null());
  verifier->no_store_.reset(X509_STORE_new());
  if (!spec.trusted_ca_pem.empty()) {
    auto roots = pki::ParseCertificates(spec.trusted_ca_pem);
    if (!roots.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("trusted_ca: ", roots.status().message()));
    }
    for (bssl::UniquePtr<X509>& root : *roots) {
      verifier->root_ids_.push_back(RootId(root.get()));
      if (auto name = SubjectOf(root.get())) verifier->root_names_.push_back(std::move(name));
      bssl::PushToStack(verifier->roots_.get(), std::move(root));
    }
  }
  const bool rooted = sk_X509_num(verifier->roots_.get()) > 0;
  if (!spec.crl_pem.empty()) {
    if (!rooted || spec.accept_untrusted) {  // no chain is built then, and a revoked certificate would pass
      return absl::InvalidArgumentError(
          "crl: would not be asked: it needs a trusted_ca, and trust_chain_verification VERIFY_TRUST_CHAIN");
    }
    auto lists = ParseRevocationLists(spec.crl_pem);
    if (!lists.ok()) return absl::InvalidArgumentError(absl::StrCat("crl: ", lists.status().message()));
    verifier->revocations_ = *std::move(lists);
    verifier->only_leaf_revocation_ = spec.only_leaf_crl;
  }
  for (const config::SanMatchSpec& san : spec.sans) {
    SanMatch match{san, nullptr};
    if (san.how == How::kRegex) {
      match.regex = std::make_unique<re2::RE2>(san.text, re2::RE2::Quiet);
      if (!match.regex->ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("match_typed_subject_alt_names: regex \"", san.text, "\": ", match.regex->error()));
      }
    }
    verifier->sans_.push_back(std::move(match));
  }
  for (const std::string& pin : spec.spki_sha256_base64) {
    std::string raw;
    if (!absl::Base64Unescape(pin, &raw) || raw.size() != SHA256_DIGEST_LENGTH) {
      return absl::InvalidArgumentError(
          absl::StrCat("verify_certificate_spki: \"", pin, "\" is not a SHA-256 in base64"));
    }
    verifier->spki_pins_.push_back(std::move(raw));
  }
  verifier->certificate_pins_ = spec.certificate_sha256;
  // Names and pins of a chain that leads nowhere prove nothing, unless a pin fixes the certificate itself.
  const bool pinned = !verifier->spki_pins_.empty() || !verifier->certificate_pins_.empty();
  if (!rooted && !spec.accept_untrusted && !pinned) {
    return absl::InvalidArgumentError("validation context without trusted_ca");
  }
  return std::unique_ptr<const ChainVerifier>(std::move(verifier));
}

Verdict ChainVerifier::Verify(const STACK_OF(CRYPTO_BUFFER) * chain, int64_t now_unix) const {
  ChainCache& known = ChainCache::ForThisThread();
  const ChainKey key = ChainKey::Of(number_, chain);
  if (const ChainCache::Known* found = known.Find(key, now_unix)) {
    return {{}, std::make_unique<PeerIdentity>(*found->peer), found->validity.until};
  }
  Validity validity;
  Verdict verdict = VerifyAnew(chain, now_unix, &validity);
  verdict.good_until = validity.until;
  if (!verdict.fault) known.Put(key, *verdict.peer, validity);
  return verdict;
}

Verdict ChainVerifier::VerifyAnew(const STACK_OF(CRYPTO_BUFFER) * chain, int64_t now_unix, Validity* validity) const {
  Verdict verdict;
  CRYPTO_BUFFER* der = sk_CRYPTO_BUFFER_value(chain, 0);
  bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(der));
  bssl::UniquePtr<STACK_OF(X509)> others(sk_X509_new_null());
  bool parsed = leaf != nullptr;
  for (size_t i = 1; parsed && i < sk_CRYPTO_BUFFER_num(chain); ++i) {
    bssl::UniquePtr<X509> other(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, i)));
    parsed = other != nullptr && bssl::PushToStack(others.get(), std::move(other));
  }
  if (!parsed) {
    verdict.fault = {Fault::kBadCertificate, pki::TakeSslError()};
    return verdict;
  }
  const PeerNames names = ReadNames(leaf.get());
  verdict.peer = MakePeer(leaf.get(), der, names);
  verdict.fault = CheckChain(leaf.get(), others.get(), verdict.peer.get(), now_unix, validity);
  if (!verdict.fault) verdict.fault = CheckPins(leaf.get(), *verdict.peer);
  if (!verdict.fault) verdict.fault = CheckNames(names, *verdict.peer);
  verdict.peer->verified = !verdict.fault && !accept_untrusted_;
  ERR_clear_error();
  return verdict;
}

bool ChainVerifier::TrustsRoot(uint64_t root) const {
  if (root == 0 || accept_untrusted_ || root_ids_.empty()) return true;
  return std::find(root_ids_.begin(), root_ids_.end(), root) != root_ids_.end();
}

FaultReport ChainVerifier::CheckChain(X509* leaf, STACK_OF(X509) * others, PeerIdentity* peer, int64_t now_unix,
                                      Validity* validity) const {
  if (accept_untrusted_ || sk_X509_num(roots_.get()) == 0) return {};  // Compile made sure that this is wanted
  bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (!context || !X509_STORE_CTX_init(context.get(), no_store_.get(), leaf, others)) {
    return {Fault::kInternal, "no memory for a verification"};
  }
  X509_STORE_CTX_set0_trusted_stack(context.get(), roots_.get());  // no lock, unlike a shared X509_STORE
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(parameters, peer_ == Side::kClient ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_time_posix(parameters, now_unix);
  if (max_depth_.has_value()) X509_VERIFY_PARAM_set_depth(parameters, static_cast<int>(*max_depth_));
  if (revocations_ != nullptr) {
    X509_STORE_CTX_set0_crls(context.get(), revocations_.get());
    X509_VERIFY_PARAM_set_flags(parameters,
                                X509_V_FLAG_CRL_CHECK | (only_leaf_revocation_ ? 0 : X509_V_FLAG_CRL_CHECK_ALL));
    *validity = ValidityOf(revocations_.get());
  }
  if (X509_verify_cert(context.get()) != 1) return ChainFault(context.get(), *peer, now_unix);
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (size_t i = 0; i < sk_X509_num(chain); ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    validity->Narrow(absl::ToUnixSeconds(pki::ToTime(X509_get0_notBefore(certificate))),
                     absl::ToUnixSeconds(pki::ToTime(X509_get0_notAfter(certificate))));
  }
  peer->root = RootId(sk_X509_value(chain, sk_X509_num(chain) - 1));
  return {};
}

FaultReport ChainVerifier::ChainFault(X509_STORE_CTX* context, const PeerIdentity& peer, int64_t now_unix) const {
  const int error = X509_STORE_CTX_get_error(context);
  Fault fault = FaultOf(error);
  X509* bad = X509_STORE_CTX_get_current_cert(context);
  const bool is_leaf = X509_STORE_CTX_get_error_depth(context) == 0;
  if ((fault == Fault::kExpired || fault == Fault::kNotYetValid) && bad != nullptr) {
    return DateFault(fault, bad, peer, is_leaf, now_unix);
  }
  if (fault == Fault::kUntrustedIssuer && IsOfForeignTrustDomain(peer)) fault = Fault::kWrongTrustDomain;
  const std::string wanted = Wanted();
  const bool of_issuer = fault == Fault::kRevoked && !is_leaf;
  return {fault, absl::StrCat(of_issuer ? "issuing certificate of " : "certificate of ", WhoIs(peer), ", issued by \"",
                              peer.issuer, "\": ", X509_verify_cert_error_string(error),
                              wanted.empty() ? "" : "; wanted ", wanted)};
}

FaultReport ChainVerifier::CheckPins(X509* leaf, const PeerIdentity& peer) const {
  if (spki_pins_.empty() && certificate_pins_.empty()) return {};
  bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(leaf));
  const std::string spki = key ? pki::SpkiSha256(key.get()) : "";
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  if (has(spki_pins_, spki) || has(certificate_pins_, peer.sha256)) return {};
  return {Fault::kWrongIdentity,
          absl::StrCat("certificate of ", WhoIs(peer), " (SHA-256 ", peer.sha256, ") is not a pinned one")};
}

bool ChainVerifier::Matches(const SanMatch& match, const PeerNames& names) {
  const config::SanMatchSpec& spec = match.spec;
  const std::vector<std::string>* of_type[] = {&names.uri, &names.dns, &names.email, &names.ip};
  for (const std::string& name : *of_type[static_cast<int>(spec.type)]) {
    const bool fold = spec.ignore_case;
    bool same = false;
    switch (spec.how) {
      case How::kExact:
        same = spec.type == Type::kDns ? DnsCovers(name, spec.text)
               : fold                  ? absl::EqualsIgnoreCase(name, spec.text)
                                       : name == spec.text;
        break;
      case How::kPrefix:
        same = fold ? absl::StartsWithIgnoreCase(name, spec.text) : absl::StartsWith(name, spec.text);
        break;
      case How::kSuffix:
        same = fold ? absl::EndsWithIgnoreCase(name, spec.text) : absl::EndsWith(name, spec.text);
        break;
      case How::kContains:
        same = fold ? absl::StrContains(absl::AsciiStrToLower(name), absl::AsciiStrToLower(spec.text))
                    : absl::StrContains(name, spec.text);
        break;
      case How::kRegex: same = re2::RE2::FullMatch(name, *match.regex); break;
    }
    if (same) return true;
  }
  return false;
}

// True when every wanted name lies in a trust domain (SPIFFE-ID 2.1) that is not the peer's.
bool ChainVerifier::IsOfForeignTrustDomain(const PeerIdentity& peer) const {
  const std::string_view domain = TrustDomain(peer.uri);
  if (domain.empty() || sans_.empty()) return false;
  return std::all_of(sans_.begin(), sans_.end(), [&](const SanMatch& match) {
    const std::string_view wanted = TrustDomain(match.spec.text);
    const bool whole = match.spec.how == How::kExact || match.spec.how == How::kPrefix;
    return match.spec.type == Type::kUri && whole && !wanted.empty() && wanted != domain;
  });
}

FaultReport ChainVerifier::CheckNames(const PeerNames& names, const PeerIdentity& peer) const {
  if (sans_.empty()) return {};
  for (const SanMatch& match : sans_) {
    if (Matches(match, names)) return {};
  }
  std::vector<std::string> has = names.uri;
  for (const std::string& dns : names.dns) has.push_back(absl::StrCat("DNS ", dns));
  for (const std::string& ip : names.ip) has.push_back(absl::StrCat("IP ", ip));
  return {
      IsOfForeignTrustDomain(peer) ? Fault::kWrongTrustDomain : Fault::kWrongIdentity,
      absl::StrCat("the peer is ", has.empty() ? "nobody by name" : absl::StrJoin(has, ", "), "; wanted ", Wanted())};
}

std::string ChainVerifier::Wanted() const {
  constexpr size_t kShown = 8;
  std::vector<std::string> wanted;
  for (const SanMatch& match : sans_) {
    wanted.push_back(wanted.size() == kShown ? "…" : WantedText(match.spec));
    if (wanted.size() > kShown) break;
  }
  return absl::StrJoin(wanted, " or ");
}

}  // namespace weft::tls
