// What needs the whole bootstrap: names and addresses that stand twice, and what resources name but do not hold. Main
// thread, at start. Private to bootstrap.cc.
#ifndef WEFT_PROXY_CONFIG_BOOTSTRAP_CHECKS_H_
#define WEFT_PROXY_CONFIG_BOOTSTRAP_CHECKS_H_

#include "proxy/config/bootstrap.h"
#include "proxy/config/from_xds.h"

namespace weft::config {

// Adds to findings->problems; reads the files that findings->references name, to see that they can be read.
// `clusters_are_known`: false when the list of clusters could not be read, so that nothing is said about names of
// clusters.
void CheckWhole(const BootstrapSpec& spec, bool clusters_are_known, Findings* findings);

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_BOOTSTRAP_CHECKS_H_
