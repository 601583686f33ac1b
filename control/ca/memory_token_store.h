// A TokenStore without a disk. For tests only: nothing survives the process.
#ifndef WEFT_CONTROL_CA_MEMORY_TOKEN_STORE_H_
#define WEFT_CONTROL_CA_MEMORY_TOKEN_STORE_H_

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/ca/tokens.h"

namespace weft::control::ca {

class MemoryTokenStore : public TokenStore {
 public:
  absl::Status Insert(const TokenRecord& record) override {
    std::scoped_lock lock(mutex_);
    return records_.emplace(record.id, record).second ? absl::OkStatus() : absl::AlreadyExistsError(record.id);
  }
  absl::StatusOr<TokenRecord> Find(std::string_view id) override {
    std::scoped_lock lock(mutex_);
    const auto it = records_.find(std::string(id));
    if (it == records_.end()) return absl::NotFoundError("token");
    return it->second;
  }
  absl::StatusOr<bool> Take(std::string_view id, std::string_view key_sha256, absl::Time now) override {
    std::scoped_lock lock(mutex_);
    const auto it = records_.find(std::string(id));
    if (it == records_.end()) return absl::NotFoundError("token");
    if (uses_.count({std::string(id), std::string(key_sha256)}) != 0) return true;
    if (it->second.uses_taken >= it->second.uses_allowed) return false;
    ++it->second.uses_taken;
    it->second.last_used = now;
    uses_.emplace(std::string(id), std::string(key_sha256));
    return true;
  }
  absl::Status Revoke(std::string_view id, absl::Time now) override {
    std::scoped_lock lock(mutex_);
    const auto it = records_.find(std::string(id));
    if (it == records_.end()) return absl::NotFoundError("token");
    if (now < it->second.revoked) it->second.revoked = now;
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<TokenRecord>> List() override {
    std::scoped_lock lock(mutex_);
    std::vector<TokenRecord> all;
    for (const auto& [id, record] : records_) all.push_back(record);
    return all;
  }
  absl::StatusOr<int> EraseExpired(absl::Time before) override {
    std::scoped_lock lock(mutex_);
    int erased = 0;
    for (auto it = records_.begin(); it != records_.end();) {
      if (it->second.expires < before) {
        it = records_.erase(it);
        ++erased;
      } else {
        ++it;
      }
    }
    return erased;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, TokenRecord> records_;  // both guarded by mutex_
  std::set<std::pair<std::string, std::string>> uses_;
};

}  // namespace weft::control::ca

#endif  // WEFT_CONTROL_CA_MEMORY_TOKEN_STORE_H_
