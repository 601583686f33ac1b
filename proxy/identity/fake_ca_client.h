// For tests: a control plane without a network. It signs with a TestAuthority at once, or does what the test tells it
// to.
#ifndef WEFT_PROXY_IDENTITY_FAKE_CA_CLIENT_H_
#define WEFT_PROXY_IDENTITY_FAKE_CA_CLIENT_H_

#include <string>
#include <utility>
#include <vector>

#include "pki/certificate.h"
#include "pki/test_authority.h"
#include "proxy/identity/ca_client.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/wait.h"

namespace weft::identity {

class FakeCaClient final : public CaClient {
 public:
  explicit FakeCaClient(runtime::Reactor& reactor) : reactor_(reactor), never_(reactor) {}

  // What a test may change at any time.
  const pki::TestAuthority* authority = nullptr;  // null: an own one
  std::string uri = "spiffe://cluster.local/ns/shop/sa/cart";
  absl::Duration lifetime = absl::Hours(1);
  absl::Status root_error, sign_error;  // not OK: the answer
  bool silent = false;                  // never answers

  struct Signed {
    absl::Time at;
    SigningRequest request;
  };
  std::vector<Signed> signings;
  std::vector<std::string> root_requests;
  int cancelled = 0;  // calls that were destroyed without an answer

  const pki::TestAuthority& ca() const { return authority != nullptr ? *authority : own_; }
  std::string RootSha256() const { return pki::ReadCertificates(ca().root_pem())->front().spki_sha256; }

  runtime::Task<absl::StatusOr<std::string>> FetchRoot(std::string root_sha256) override {
    root_requests.push_back(std::move(root_sha256));
    if (!root_error.ok()) co_return root_error;
    co_return ca().root_pem();
  }
  runtime::Task<absl::StatusOr<std::vector<std::string>>> Sign(SigningRequest request) override {
    const absl::Time now = absl::FromUnixMicros(reactor_.clock().WallMicros());
    signings.push_back({now, request});
    if (silent) {
      const Counted counted{cancelled};
      co_await never_.Wait();
    }
    if (!sign_error.ok()) co_return sign_error;
    pki::TestShape shape;
    shape.uri_sans = {uri};
    shape.not_before = now - absl::Minutes(5);
    shape.not_after = now + (request.lifetime > absl::ZeroDuration() ? request.lifetime : lifetime);
    shape.csr_pem = request.csr_pem;
    co_return std::vector<std::string>{ca().Leaf(shape).chain_pem, ca().root_pem()};
  }
  const std::string& address() const override { return address_; }

 private:
  struct Counted {
    int& count;
    ~Counted() { ++count; }
  };

  runtime::Reactor& reactor_;
  runtime::Event never_;
  const pki::TestAuthority own_;
  const std::string address_ = "weft-control.test:15012";
};

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_FAKE_CA_CLIENT_H_
