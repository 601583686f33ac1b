// Errors of the control API: an absl::Status whose payload lists what is wrong with which object, and its two spellings
// on the wire. Any thread.
#ifndef WEFT_CONTROL_API_REFUSAL_H_
#define WEFT_CONTROL_API_REFUSAL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "control/model/meta.h"
#include "grpcpp/support/status.h"
#include "weft/v1/control.pb.h"

namespace weft::control::api {

// `code` with all errors as details. The text has the first few, one a line; a client that shows details needs no text.
absl::Status Refuse(absl::StatusCode code, const std::vector<model::ObjectError>& errors);

void FillError(const model::ObjectError& from, weft::v1::ObjectError* to);

// With google.rpc.Status in its details when there is a payload.
grpc::Status ToGrpc(const absl::Status& status);

// {"code":"invalid_argument","message":"…","details":[{"type":"weft.v1.ObjectErrors","debug":{…}}]}
std::string ToJson(const absl::Status& status);

// 400, 404, 409…
int HttpCodeOf(const absl::Status& status);

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_REFUSAL_H_
