// A certificate authority of a few lines for tests: any names, any dates, any faults. No type of the TLS library.
#ifndef WEFT_PKI_TEST_AUTHORITY_H_
#define WEFT_PKI_TEST_AUTHORITY_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace weft::pki {

struct TestLeaf {
  std::string key_pem;
  std::string chain_pem;  // leaf and issuing certificate
};

struct TestShape {
  std::vector<std::string> uri_sans;
  std::vector<std::string> dns_sans;
  absl::Time not_before = absl::FromUnixSeconds(1'600'000'000);
  absl::Time not_after = absl::FromUnixSeconds(1'900'000'000);
  bool for_tls = true;  // false: no extended key usage at all
  bool rsa = false;
  bool issuing_expired = false;
  std::string csr_pem;  // set: sign this request's key; the answer has no key
};

class TestAuthority {
 public:
  TestAuthority();
  const std::string& root_pem() const { return root_pem_; }
  TestLeaf Leaf(const TestShape& shape) const;
  TestLeaf LeafFor(const std::string& uri) const {
    TestShape shape;
    shape.uri_sans = {uri};
    return Leaf(shape);
  }

 private:
  std::string root_key_pem_, root_pem_;
};

}  // namespace weft::pki

#endif  // WEFT_PKI_TEST_AUTHORITY_H_
