// When to renew and how long to wait after a failure. Pure; `random` is in [0, 1).
#ifndef WEFT_PROXY_IDENTITY_SCHEDULE_H_
#define WEFT_PROXY_IDENTITY_SCHEDULE_H_

#include "absl/time/time.h"
#include "proxy/identity/material.h"

namespace weft::identity {

// Half of the lifetime that was left when the certificate came, give or take a tenth of it, so that proxies that
// started together do not renew together. With a clock so wrong that the certificate seems to be of another time: a
// fixed short while, because then nothing is known about what is left of it.
absl::Time RenewalTime(const Material& material, double random);

// Doubles from 1 to 30 seconds, half of it at random; never more than a quarter of what is `left` of the present
// certificate (zero or less: there is none), but a second at least.
absl::Duration RetryDelay(int failures, absl::Duration left, double random);

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_SCHEDULE_H_
