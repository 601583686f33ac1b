#include "proxy/tls/peer_names.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "pki/x509.h"

namespace weft::tls {
namespace {

// A name that goes to logs, headers and metric labels must not be able to end a line, a quote or a list there.
bool IsUriText(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' && c != '{' &&
           c != '|' && c != '}' && c != ',' && c != ';';
  });
}
bool IsDnsText(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '*';
  });
}
bool IsEmailText(const std::string& text) { return IsUriText(text); }

std::string IpText(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  const int size = ASN1_STRING_length(bytes);
  const int family = size == 4 ? AF_INET : size == 16 ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC) return "";
  inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text);
  return text;
}

}  // namespace

PeerNames ReadNames(X509* leaf) {
  PeerNames names;
  bssl::UniquePtr<GENERAL_NAMES> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  if (!all) return names;
  for (size_t i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_IPADD) {
      if (std::string text = IpText(name->d.iPAddress); !text.empty()) names.ip.push_back(std::move(text));
      continue;
    }
    if (name->type != GEN_URI && name->type != GEN_DNS && name->type != GEN_EMAIL) continue;
    const ASN1_IA5STRING* value = name->d.ia5;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                     static_cast<size_t>(ASN1_STRING_length(value)));
    if (name->type == GEN_URI && IsUriText(text))
      names.uri.push_back(std::move(text));
    else if (name->type == GEN_DNS && IsDnsText(text))
      names.dns.push_back(std::move(text));
    else if (name->type == GEN_EMAIL && IsEmailText(text))
      names.email.push_back(std::move(text));
  }
  return names;
}

namespace {

std::string Sha256Hex(const CRYPTO_BUFFER* der) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(CRYPTO_BUFFER_data(der), CRYPTO_BUFFER_len(der), digest);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), sizeof digest));
}

}  // namespace

std::unique_ptr<PeerIdentity> MakePeer(X509* leaf, const CRYPTO_BUFFER* der, const PeerNames& names) {
  pki::CertificateFacts facts = pki::Facts(leaf);
  auto peer = std::make_unique<PeerIdentity>();
  if (!names.uri.empty()) peer->uri = names.uri.front();
  peer->subject = std::move(facts.subject);
  peer->issuer = std::move(facts.issuer);
  peer->dns_names = names.dns;
  peer->serial = std::move(facts.serial);
  peer->sha256 = Sha256Hex(der);
  peer->not_after_unix = absl::ToUnixSeconds(facts.not_after);
  return peer;
}

bool DnsCovers(const std::string& pattern, const std::string& name) {
  if (absl::EqualsIgnoreCase(pattern, name)) return true;
  if (pattern.size() < 3 || pattern[0] != '*' || pattern[1] != '.') return false;
  const size_t dot = name.find('.');
  return dot != std::string::npos && dot > 0 &&
         absl::EqualsIgnoreCase(absl::string_view(name).substr(dot), absl::string_view(pattern).substr(1));
}

bool IsFor(const PeerIdentity& peer, const std::string& host) {
  return std::any_of(peer.dns_names.begin(), peer.dns_names.end(),
                     [&](const std::string& name) { return DnsCovers(name, host); });
}

std::unique_ptr<PeerIdentity> ReadPeer(const STACK_OF(CRYPTO_BUFFER) * chain) {
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return nullptr;
  CRYPTO_BUFFER* der = sk_CRYPTO_BUFFER_value(chain, 0);
  bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(der));
  auto peer = leaf ? MakePeer(leaf.get(), der, ReadNames(leaf.get())) : nullptr;
  ERR_clear_error();
  return peer;
}

}  // namespace weft::tls
