// Virtual addresses of services: one number each, which is an address of 240.240.0.0/16 and one of an fd00::/8 prefix
// of the store's own. The number starts from a hash of the name, so the same services get the same addresses in a new
// store too; a deleted service keeps its number while there are free ones.
#ifndef WEFT_CONTROL_STORE_ADDRESSES_H_
#define WEFT_CONTROL_STORE_ADDRESSES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/model/meta.h"

namespace weft::control::store {

class Database;

// Numbers go from 1 to kMostAddresses: 240.240.0.1 … 240.240.255.254.
inline constexpr int kMostAddresses = 65534;

// "240.240.1.2" and "fd12:3456:789a::f0f0:102".
std::vector<std::string> AddressesOf(int64_t number, const std::string& v6_prefix);

// By service; each the IPv4 address, then the IPv6 address.
using Addresses = std::map<model::Name, std::vector<std::string>>;

// The store's own /48, "fd12:3456:789a"; made at the first call.
absl::StatusOr<std::string> PrefixOf(Database& database);

// The addresses of `service`, new ones when it has none. ResourceExhausted when all are in use. Inside a transaction.
absl::StatusOr<std::vector<std::string>> TakeAddress(Database& database, const model::Name& service);
absl::Status ReleaseAddress(Database& database, const model::Name& service, absl::Time now);
absl::StatusOr<Addresses> AddressesInUse(Database& database);

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_ADDRESSES_H_
