// Types that stand in an Any and that nothing here reads. They are named so that they are linked: a YAML bootstrap
// which uses one is told that it is not supported, not that there is no such type.
#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_ratelimit.pb.h"
#include "envoy/extensions/filters/http/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/network/rbac/v3/rbac.pb.h"
#include "envoy/extensions/load_balancing_policies/pick_first/v3/pick_first.pb.h"
#include "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb.h"
#include "envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.pb.h"
#include "proxy/config/place.h"
#include "schema/problem.h"
#include "schema/unsupported.h"

namespace weft::config {
namespace {

namespace filters = envoy::extensions::filters;
namespace policies = envoy::extensions::load_balancing_policies;

bool IsKnownToEnvoy(const std::string& name) {
  const google::protobuf::Descriptor* const refused[] = {
      filters::http::fault::v3::HTTPFault::descriptor(),
      filters::http::local_ratelimit::v3::LocalRateLimit::descriptor(),
      filters::http::rbac::v3::RBAC::descriptor(),
      filters::http::rbac::v3::RBACPerRoute::descriptor(),
      filters::network::rbac::v3::RBAC::descriptor(),
      policies::pick_first::v3::PickFirst::descriptor(),
      policies::ring_hash::v3::RingHash::descriptor(),
      policies::wrr_locality::v3::WrrLocality::descriptor(),
  };
  for (const auto* type : refused) {
    if (type->full_name() == name) return true;
  }
  return schema::UnsupportedFields::OfEnvoy().HasType(name);
}

}  // namespace

void RefuseType(const google::protobuf::Any& any, const Place& place, std::string_view expected) {
  const std::string name = TypeName(any);
  if (name.empty()) return place.Problem("\"@type\" is missing; expected " + std::string(expected));
  const Place at = place.Field("@type");
  if (IsKnownToEnvoy(name)) return at.Unsupported(name);
  at.Problem(schema::Quoted(name, 200) + " cannot stand here; expected " + std::string(expected));
}

}  // namespace weft::config
