// The filters of an HTTPRoute's rules and backends. INTERNAL to control/source. Pure, any thread.
#ifndef WEFT_CONTROL_SOURCE_HTTP_FILTERS_H_
#define WEFT_CONTROL_SOURCE_HTTP_FILTERS_H_

#include <string>

#include "control/model/http_route.h"
#include "control/source/findings.h"
#include "gateway/v1/http_route.pb.h"

namespace weft::control::source {

using RepeatedFilters = google::protobuf::RepeatedPtrField<gateway::v1::HTTPRouteFilter>;

// Fills rule.filters; rule.matches must be filled already (a prefix can only be replaced where one is matched).
void ReadRuleFilters(const RepeatedFilters& from, const std::string& field, model::RouteRule& rule, Checker& checker);

// Header changes only; anything else is an error.
void ReadBackendFilters(const RepeatedFilters& from, const std::string& field, model::Backend& backend,
                        Checker& checker);

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_HTTP_FILTERS_H_
