// What Assembler tells about its resources: without key material. Pure functions.
#ifndef WEFT_PROXY_ASSEMBLE_DESCRIBE_H_
#define WEFT_PROXY_ASSEMBLE_DESCRIBE_H_

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/assemble/assembler.h"
#include "proxy/assemble/redact.h"
#include "proxy/assemble/shelf.h"

namespace weft::assemble {

// Static ones first, then by name.
template <class Plan>
std::vector<ResourceDump> DumpShelf(discovery::ResourceType type, const std::map<std::string, Held<Plan>>& held) {
  std::vector<ResourceDump> dumps;
  for (const auto& [name, resource] : held) {
    ResourceDump& dump = dumps.emplace_back();
    dump.name = name;
    dump.is_static = resource.is_static;
    dump.version = resource.version;
    dump.last_updated_micros = resource.updated_micros;
    if (resource.plan != nullptr) {
      dump.resource.set_type_url(discovery::TypeUrl(type));
      dump.resource.set_value(resource.bytes);
      RedactAny(&dump.resource);
    }
    dump.refusal = resource.refusal;
    if (dump.refusal) RedactAny(&dump.refusal->failed_configuration);
  }
  std::sort(dumps.begin(), dumps.end(), [](const auto& a, const auto& b) {
    return std::pair(!a.is_static, a.name) < std::pair(!b.is_static, b.name);
  });
  return dumps;
}

// Nullopt: there is no certificate in it.
std::optional<CertificateFact> FactOf(const std::string& name, const std::string& pem);

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_DESCRIBE_H_
