#include "control/store/addresses.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/store/database.h"
#include "xxhash.h"

namespace weft::control::store {
namespace {

// From the hash on, the first that nobody has.
absl::StatusOr<int64_t> FreeNumber(Database& database, const model::Name& service) {
  absl::StatusOr<Statement> find = database.Prepare("SELECT 1 FROM addresses WHERE number=?1");
  if (!find.ok()) return find.status();
  const std::string text = service.ToString();
  const int64_t start = static_cast<int64_t>(XXH3_64bits(text.data(), text.size()) % kMostAddresses);
  for (int64_t tried = 0; tried < kMostAddresses; ++tried) {
    const int64_t number = (start + tried) % kMostAddresses + 1;
    find->Reset();
    absl::StatusOr<bool> taken = find->Bind(number).Step();
    if (!taken.ok()) return taken.status();
    if (!*taken) return number;
  }
  return absl::NotFoundError("no number is free");
}

// The number whose service has been gone the longest.
absl::StatusOr<int64_t> OldestReleased(Database& database) {
  absl::StatusOr<int64_t> number = database.ReadNumber(
      "SELECT number FROM addresses WHERE released_us IS NOT NULL ORDER BY released_us, number LIMIT 1");
  if (!number.ok() || *number != 0) return number;
  return absl::ResourceExhaustedError(
      absl::StrCat("all ", kMostAddresses,
                   " virtual addresses of 240.240.0.0/16 are in use; "
                   "give services addresses of your own in spec.addresses, or make them headless with [\"None\"]"));
}

}  // namespace

std::vector<std::string> AddressesOf(int64_t number, const std::string& v6_prefix) {
  const int high = static_cast<int>(number >> 8), low = static_cast<int>(number & 0xff);
  return {absl::StrFormat("240.240.%d.%d", high, low), absl::StrFormat("%s::f0f0:%x", v6_prefix, number)};
}

absl::StatusOr<std::string> PrefixOf(Database& database) {
  absl::StatusOr<std::string> known = database.ReadText("SELECT value FROM settings WHERE key='address_prefix'");
  if (!known.ok() || !known->empty()) return known;
  std::random_device random;  // RFC 4193 3.2: 40 random bits
  const uint32_t high = random(), low = random();
  const std::string prefix = absl::StrFormat("fd%02x:%x:%x", high & 0xff, (high >> 8) & 0xffff, low & 0xffff);
  absl::StatusOr<Statement> insert = database.Prepare("INSERT INTO settings(key, value) VALUES('address_prefix', ?1)");
  if (!insert.ok()) return insert.status();
  if (absl::Status made = insert->Bind(prefix).Run(); !made.ok()) return made;
  return prefix;
}

absl::StatusOr<std::vector<std::string>> TakeAddress(Database& database, const model::Name& service) {
  absl::StatusOr<std::string> prefix = PrefixOf(database);
  if (!prefix.ok()) return prefix.status();
  absl::StatusOr<Statement> again =
      database.Prepare("UPDATE addresses SET released_us=NULL WHERE ns=?1 AND name=?2 RETURNING number");
  if (!again.ok()) return again.status();
  absl::StatusOr<bool> had_one = again->Bind(service.ns).Bind(service.name).Step();
  if (!had_one.ok()) return had_one.status();
  if (*had_one) {
    const int64_t kept = again->Int(0);
    if (absl::Status done = again->Run(); !done.ok()) return done;
    return AddressesOf(kept, *prefix);
  }
  absl::StatusOr<int64_t> number = FreeNumber(database, service);
  if (absl::IsNotFound(number.status())) number = OldestReleased(database);
  if (!number.ok()) return number.status();
  absl::StatusOr<Statement> take =
      database.Prepare("INSERT OR REPLACE INTO addresses(ns, name, number) VALUES(?1, ?2, ?3)");
  if (!take.ok()) return take.status();
  if (absl::Status taken = take->Bind(service.ns).Bind(service.name).Bind(*number).Run(); !taken.ok()) return taken;
  return AddressesOf(*number, *prefix);
}

absl::Status ReleaseAddress(Database& database, const model::Name& service, absl::Time now) {
  absl::StatusOr<Statement> release =
      database.Prepare("UPDATE addresses SET released_us=?3 WHERE ns=?1 AND name=?2 AND released_us IS NULL");
  if (!release.ok()) return release.status();
  return release->Bind(service.ns).Bind(service.name).Bind(now).Run();
}

absl::StatusOr<Addresses> AddressesInUse(Database& database) {
  absl::StatusOr<std::string> prefix = database.ReadText("SELECT value FROM settings WHERE key='address_prefix'");
  if (!prefix.ok()) return prefix.status();
  absl::StatusOr<Statement> all = database.Prepare("SELECT ns, name, number FROM addresses WHERE released_us IS NULL");
  if (!all.ok()) return all.status();
  Addresses addresses;
  while (true) {
    absl::StatusOr<bool> row = all->Step();
    if (!row.ok()) return row.status();
    if (!*row) return addresses;
    addresses[model::Name{all->Text(0), all->Text(1)}] = AddressesOf(all->Int(2), *prefix);
  }
}

}  // namespace weft::control::store
