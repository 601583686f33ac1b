// The authority's keys and certificates in memory, and the files they live in. INTERNAL to control/ca:
// BoringSSL's types. Blocking file I/O; main thread.
#ifndef WEFT_CONTROL_CA_MATERIAL_H_
#define WEFT_CONTROL_CA_MATERIAL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/ca/authority.h"
#include "pki/x509.h"

namespace weft::control::ca {

struct Pair {
  bssl::UniquePtr<EVP_PKEY> key;  // null: not here
  bssl::UniquePtr<X509> certificate;
  std::string certificate_pem;
};

struct Material {
  Pair root;
  Pair issuing;
  std::vector<std::string> extra_roots_pem;
};

// New root and issuing pair, written as a whole set under options.directory. AlreadyExists when another
// process was faster.
absl::StatusOr<Material> CreateMaterial(const Options& options, absl::Time now);

// Reads and checks everything; NotFound when the directory is missing or empty.
absl::StatusOr<Material> LoadMaterial(const Options& options, absl::Time now);

// A new issuing pair under `root`, whose key must be here.
absl::StatusOr<Pair> NewIssuing(const Options& options, const Pair& root, absl::Time now);

absl::Status WriteIssuing(const std::string& directory, const Pair& issuing);

// extra_roots.pem; none when there is no such file.
absl::StatusOr<std::vector<std::string>> LoadExtraRoots(const std::string& directory);

}  // namespace weft::control::ca

#endif  // WEFT_CONTROL_CA_MATERIAL_H_
