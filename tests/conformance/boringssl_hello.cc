// Writes a ClientHello of BoringSSL, or what another client needs for a real ECH one, to stdout. Run by
// client_hellos/make_client_hellos.py.
//
//   boringssl_hello hello NAME                 as weft-proxy's own client is set: X25519MLKEM768 and X25519
//   boringssl_hello chromium NAME              GREASE, permuted extensions, GREASE ECH, post-quantum share
//   boringssl_hello ech NAME < ECHCONFIGLIST   a real ECH: NAME is inside
//   boringssl_hello ech-config FRONT           an ECHConfigList whose public name is FRONT
#include <openssl/bio.h>
#include <openssl/hpke.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "proxy/base/check.h"

namespace {

void EchConfig(const char* front) {
  bssl::ScopedEVP_HPKE_KEY key;
  WEFT_CHECK(EVP_HPKE_KEY_generate(key.get(), EVP_hpke_x25519_hkdf_sha256()));
  uint8_t* config = nullptr;
  size_t size = 0;
  WEFT_CHECK(SSL_marshal_ech_config(&config, &size, 7, key.get(), front, 64));
  const bssl::UniquePtr<uint8_t> owned(config);
  bssl::UniquePtr<SSL_ECH_KEYS> keys(SSL_ECH_KEYS_new());
  WEFT_CHECK(SSL_ECH_KEYS_add(keys.get(), 1, config, size, key.get()));
  uint8_t* list = nullptr;
  WEFT_CHECK(SSL_ECH_KEYS_marshal_retry_configs(keys.get(), &list, &size));
  const bssl::UniquePtr<uint8_t> list_owned(list);
  std::fwrite(list, 1, size, stdout);
}

void Hello(const std::string& kind, const char* name) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  const uint16_t groups[] = {SSL_GROUP_X25519_MLKEM768, SSL_GROUP_X25519};
  WEFT_CHECK(SSL_CTX_set1_group_ids(context.get(), groups, std::size(groups)));
  if (kind == "chromium") {
    SSL_CTX_set_grease_enabled(context.get(), 1);
    SSL_CTX_set_permute_extensions(context.get(), 1);
  }
  bssl::UniquePtr<SSL> ssl(SSL_new(context.get()));
  const uint8_t alpn[] = "\x02h2\x08http/1.1";
  WEFT_CHECK(SSL_set_alpn_protos(ssl.get(), alpn, sizeof alpn - 1) == 0);
  WEFT_CHECK(SSL_set_tlsext_host_name(ssl.get(), name));
  if (kind == "chromium") SSL_set_enable_ech_grease(ssl.get(), 1);
  if (kind == "ech") {
    const std::string list((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
    WEFT_CHECK(SSL_set1_ech_config_list(ssl.get(), reinterpret_cast<const uint8_t*>(list.data()), list.size()));
  }
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());  // wants to read: the hello is written
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  WEFT_CHECK(BIO_mem_contents(out, &bytes, &size) && size > 0);
  std::fwrite(bytes, 1, size, stdout);
}

}  // namespace

int main(int argc, char** argv) {
  WEFT_CHECK(argc == 3);
  const std::string what = argv[1];
  what == "ech-config" ? EchConfig(argv[2]) : Hello(what, argv[2]);
  return 0;
}
