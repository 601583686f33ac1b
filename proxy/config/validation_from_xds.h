// CertificateValidationContext → ValidationSpec and TlsCertificate → CertificateSpec. Private to tls_from_xds.cc.
#ifndef WEFT_PROXY_CONFIG_VALIDATION_FROM_XDS_H_
#define WEFT_PROXY_CONFIG_VALIDATION_FROM_XDS_H_

#include <string>
#include <vector>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "proxy/config/place.h"
#include "proxy/config/tls_spec.h"

namespace weft::config {

// The secret of `name` is asked for over ADS, or is one of the bootstrap's when there is no source. Its name.
std::string SecretNameFromXds(const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig& message,
                              const Place& place);
CertificateSpec CertificateFromXds(const envoy::extensions::transport_sockets::tls::v3::TlsCertificate& message,
                                   const Place& place);
std::vector<TicketKeySpec> TicketKeysFromXds(
    const envoy::extensions::transport_sockets::tls::v3::TlsSessionTicketKeys& message, const Place& place);
// `whole`: nothing else adds to it, so that names to match need authorities.
ValidationSpec ValidationFromXds(
    const envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& message, bool whole,
    const Place& place);

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_VALIDATION_FROM_XDS_H_
