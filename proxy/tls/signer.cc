#include "proxy/tls/signer.h"

#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pki/x509.h"
#include "proxy/net/socket_stream.h"
#include "proxy/runtime/wait.h"
#include "proxy/tls/handshake_state.h"

namespace weft::tls {
namespace {

using net::IoResult;
using net::IoState;

constexpr uint8_t kVersion = 1, kSign = 1;
constexpr uint8_t kSigned = 0;
constexpr size_t kLongestAnswer = 16 * 1024;

int SignerIndex() {
  static const int index = SSL_CREDENTIAL_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* signer, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Signer*>(signer); });
  return index;
}

FaultReport Lost(const Signer& signer, std::string_view why) {
  return {Fault::kSignerLost, absl::StrCat("the signer at ", signer.socket.ToString(), " ", std::string(why))};
}

ssl_private_key_result_t StartSigning(SSL* ssl, uint8_t*, size_t*, size_t, uint16_t algorithm, const uint8_t* in,
                                      size_t size) {
  HandshakeState* state = HandshakeState::Of(ssl);
  const auto* signer =
      static_cast<const Signer*>(SSL_CREDENTIAL_get_ex_data(SSL_get0_selected_credential(ssl), SignerIndex()));
  if (state == nullptr || signer == nullptr) return ssl_private_key_failure;
  state->signature = std::make_unique<Signature>();
  state->signature->signer = signer;
  state->signature->algorithm = algorithm;
  state->signature->message.assign(reinterpret_cast<const char*>(in), size);
  return ssl_private_key_retry;
}

ssl_private_key_result_t FinishSigning(SSL* ssl, uint8_t* out, size_t* out_size, size_t room) {
  HandshakeState* state = HandshakeState::Of(ssl);
  if (state == nullptr || state->signature == nullptr) return ssl_private_key_failure;
  const std::unique_ptr<Signature> signature = std::move(state->signature);
  if (signature->fault) {
    state->fault = signature->fault;
    return ssl_private_key_failure;
  }
  if (!signature->done) return ssl_private_key_failure;
  if (signature->message.empty() || signature->message.size() > room) {
    state->fault = Lost(*signature->signer, absl::StrCat("answers with ", signature->message.size(),
                                                         " bytes, which is no signature of this key"));
    return ssl_private_key_failure;
  }
  std::memcpy(out, signature->message.data(), signature->message.size());
  *out_size = signature->message.size();
  return ssl_private_key_success;
}

// RSA key exchange has no forward secrecy and is not offered.
ssl_private_key_result_t RefuseToDecrypt(SSL*, uint8_t*, size_t*, size_t, const uint8_t*, size_t) {
  return ssl_private_key_failure;
}

constexpr SSL_PRIVATE_KEY_METHOD kMethod = {StartSigning, RefuseToDecrypt, FinishSigning};

std::vector<uint16_t> AlgorithmsOf(EVP_PKEY* key) {
  if (EVP_PKEY_id(key) == EVP_PKEY_RSA) {
    return {SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA512,
            SSL_SIGN_RSA_PKCS1_SHA256,    SSL_SIGN_RSA_PKCS1_SHA384,    SSL_SIGN_RSA_PKCS1_SHA512};
  }
  const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key);
  if (ec == nullptr) return {};
  const bool p384 = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) == NID_secp384r1;
  return {static_cast<uint16_t>(p384 ? SSL_SIGN_ECDSA_SECP384R1_SHA384 : SSL_SIGN_ECDSA_SECP256R1_SHA256)};
}

void PutNumber(std::string& out, uint32_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

std::string RequestOf(const Signature& signature) {
  std::string body;
  body.push_back(kVersion);
  body.push_back(kSign);
  PutNumber(body, signature.algorithm, 2);
  body += signature.signer->key_id + signature.message;
  std::string frame;
  PutNumber(frame, static_cast<uint32_t>(body.size()), 4);
  return frame + body;
}

// False: the connection ended or broke.
runtime::Task<bool> WriteAll(net::ByteStream& stream, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const IoResult put = stream.TryWrite(bytes.data() + sent, bytes.size() - sent);
    if (put.state == IoState::kOk) {
      sent += put.bytes;
    } else if (put.state == IoState::kWouldBlock) {
      co_await stream.Writable();
    } else {
      co_return false;
    }
  }
  co_return true;
}

runtime::Task<bool> ReadAll(net::ByteStream& stream, std::string& into) {
  for (size_t got = 0; got < into.size();) {
    const IoResult get = stream.TryRead(into.data() + got, into.size() - got);
    if (get.state == IoState::kOk) {
      got += get.bytes;
    } else if (get.state == IoState::kWouldBlock) {
      co_await stream.Readable();
    } else {
      co_return false;
    }
  }
  co_return true;
}

runtime::Task<void> Exchange(runtime::Reactor& reactor, Signature& signature) {
  const Signer& signer = *signature.signer;
  auto connected = co_await net::Dial(reactor, signer.socket, net::DialOptions{.own_traffic = false});
  if (!connected.ok()) {
    signature.fault = Lost(signer, "cannot be reached: " + connected.failure().detail);
    co_return;
  }
  net::ByteStream& stream = **connected;
  const std::string request = RequestOf(signature);
  std::string head(4, '\0');
  if (!co_await WriteAll(stream, request) || !co_await ReadAll(stream, head)) {
    signature.fault = Lost(signer, "went away before it answered");
    co_return;
  }
  uint32_t size = 0;
  for (const char c : head) size = size << 8 | static_cast<uint8_t>(c);
  if (size == 0 || size > kLongestAnswer) {
    signature.fault = Lost(signer, absl::StrCat("answers with ", size, " bytes, which is no answer"));
    co_return;
  }
  std::string answer(size, '\0');
  if (!co_await ReadAll(stream, answer)) {
    signature.fault = Lost(signer, "went away in the middle of its answer");
    co_return;
  }
  if (static_cast<uint8_t>(answer[0]) != kSigned) {
    std::string why = answer.substr(1, 200);
    std::replace_if(why.begin(), why.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    signature.fault = {Fault::kSignerRefused, absl::StrCat("the signer at ", signer.socket.ToString(), " says: ", why)};
    co_return;
  }
  signature.message = answer.substr(1);
  signature.done = true;
}

}  // namespace

absl::Status SignElsewhere(SSL_CREDENTIAL* credential, EVP_PKEY* key, const config::SignerSpec& spec) {
  const auto socket = base::Address::FromPath(spec.socket_path);
  if (!socket) {
    return absl::InvalidArgumentError(absl::StrCat("\"", spec.socket_path, "\" is too long for a unix socket"));
  }
  const std::vector<uint16_t> algorithms = AlgorithmsOf(key);
  if (algorithms.empty()) return absl::InvalidArgumentError("the certificate's key is neither RSA nor P-256 or P-384");
  auto signer = std::make_unique<Signer>(Signer{*socket, spec.timeout, pki::SpkiSha256(key)});
  if (!SSL_CREDENTIAL_set1_signing_algorithm_prefs(credential, algorithms.data(), algorithms.size()) ||
      !SSL_CREDENTIAL_set_ex_data(credential, SignerIndex(), signer.get())) {
    return pki::SslError("credential");
  }
  signer.release();  // the credential's
  return SSL_CREDENTIAL_set_private_key_method(credential, &kMethod) ? absl::OkStatus() : pki::SslError("credential");
}

runtime::Task<void> Ask(runtime::Reactor& reactor, Signature& signature) {
  const base::Duration limit = signature.signer->timeout;
  const auto ended = co_await runtime::Within(reactor, reactor.now() + limit, nullptr, Exchange(reactor, signature));
  if (ended.outcome == runtime::Outcome::kDone) co_return;
  signature.fault = {Fault::kSignerTimeout,
                     absl::StrCat("no signature from ", signature.signer->socket.ToString(), " within ",
                                  std::chrono::duration_cast<std::chrono::milliseconds>(limit).count(), " ms")};
}

}  // namespace weft::tls
