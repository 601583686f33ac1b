// Secrets: certificates and roots by name, and certificate files by path; puts them into TLS specs. Main thread only.
//
// What a TLS spec needs is told as keys, "secret:NAME" and "file:PATH", so that whoever built something of it learns by
// the same key that it changed.
#ifndef WEFT_PROXY_ASSEMBLE_SECRETS_H_
#define WEFT_PROXY_ASSEMBLE_SECRETS_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proxy/config/spec.h"

namespace weft::assemble {

using Keys = std::set<std::string>;

inline std::string SecretKey(std::string_view name) { return "secret:" + std::string(name); }
inline std::string FileKey(std::string_view path) { return "file:" + std::string(path); }

// What these settings refer to. Files that secrets refer to are not among them: see Secrets::KeysOf.
void AddKeys(const config::CommonTlsSpec& tls, Keys* keys);

class Secrets {
 public:
  // What is wrong with it: a PEM that cannot be read, a key of another certificate.
  absl::Status Check(const config::SecretSpec& secret);
  // After Check(); an error changes nothing.
  absl::Status Set(const config::SecretSpec& secret);
  void Remove(const std::string& name) { secrets_.erase(name); }
  const config::SecretSpec* Find(const std::string& name) const;
  const std::map<std::string, config::SecretSpec>& all() const { return secrets_; }

  // Puts everything in place. `missing` gets the names of secrets that have not come; the spec is not fit for use then.
  // An error names a field, a file that cannot be read, or a secret that is of the other kind.
  absl::Status Fill(config::CommonTlsSpec* tls, std::vector<std::string>* missing);
  // The keys of `tls` and those of the files that its secrets name.
  Keys KeysOf(const config::CommonTlsSpec& tls) const;

  // Looks at every file that was used; the keys of those whose content is another one now.
  Keys CheckFiles();
  // Path → content of the files in use.
  std::map<std::string, std::string> files() const;

 private:
  struct File {
    std::string content;
    ino_t inode = 0;
    int64_t modified_nanos = 0;
    off_t size = 0;
  };
  absl::StatusOr<std::string> Read(const std::string& path);
  absl::Status FillCertificate(const std::string& field, config::CertificateSpec* certificate,
                               std::vector<std::string>* missing);
  absl::Status FillValidation(config::ValidationSpec* validation, std::vector<std::string>* missing);
  absl::Status FillTicketKeys(config::CommonTlsSpec* tls, std::vector<std::string>* missing);
  absl::Status CheckCertificate(config::CertificateSpec certificate);
  absl::Status CheckValidation(config::ValidationSpec validation);
  // A named file's content into `bytes`; the name goes.
  absl::Status ReadInto(const std::string& field, std::string* file, std::string* bytes);
  absl::Status ReadFilesOf(const std::string& field, config::CertificateSpec* certificate);
  absl::Status ReadFilesOf(config::ValidationSpec* validation);

  std::map<std::string, config::SecretSpec> secrets_;
  std::map<std::string, File> files_;
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_SECRETS_H_
