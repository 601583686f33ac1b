// What needs more than one object: putting a World together, what contradicts what (errors), what points nowhere
// (warnings), and the status conditions that tell it to users. Pure, any thread.
#ifndef WEFT_CONTROL_SOURCE_WORLD_H_
#define WEFT_CONTROL_SOURCE_WORLD_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "control/model/world.h"
#include "control/source/convert.h"
#include "control/source/findings.h"

namespace weft::control::source {

// Puts `object` (its meta complete) in, instead of one of the same name.
void Put(model::World& world, ModelObject object);
void Remove(model::World& world, const model::ObjectKey& key);

// Finds the checker to report with for an object of the world; null: it is not of this request, so nothing is said of
// it.
using CheckerOf = std::function<Checker*(const model::ObjectKey&)>;

// Objects that cannot be true together: two services with one host or one address.
void CheckConflicts(const model::World& world, const CheckerOf& checker_of);

// A condition, and the field that it comes from when it is False.
struct Verdict {
  model::Condition condition;
  std::string field;
};

// Accepted (of a route: one for each parent; of a BackendTLSPolicy: one for each target) and ResolvedRefs.
std::vector<Verdict> Judge(const model::World& world, const model::ObjectKey& key);

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_WORLD_H_
