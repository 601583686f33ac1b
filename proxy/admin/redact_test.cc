#include "proxy/admin/redact.h"

#include <gtest/gtest.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/core/v3/core.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/any.pb.h"

namespace weft::admin {
namespace {

using envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext;
using envoy::extensions::transport_sockets::tls::v3::Secret;

TEST(Redact, KeyGoesAndItsCertificateStays) {
  Secret secret;
  auto* certificate = secret.mutable_tls_certificate();
  certificate->mutable_certificate_chain()->set_inline_string("public");
  certificate->mutable_private_key()->set_inline_bytes("very secret");
  certificate->mutable_password()->set_inline_string("very secret");
  Redact(&secret);
  EXPECT_EQ(secret.tls_certificate().certificate_chain().inline_string(), "public");
  EXPECT_EQ(secret.tls_certificate().private_key().inline_string(), kRedacted);
  EXPECT_EQ(secret.DebugString().find("very secret"), std::string::npos) << secret.DebugString();
}

TEST(Redact, FileNamesStay) {
  Secret secret;
  secret.mutable_tls_certificate()->mutable_private_key()->set_filename("/etc/key.pem");
  Redact(&secret);
  EXPECT_EQ(secret.tls_certificate().private_key().filename(), "/etc/key.pem");
}

TEST(Redact, GoesIntoEveryAny) {
  DownstreamTlsContext context;
  context.mutable_common_tls_context()->add_tls_certificates()->mutable_private_key()->set_inline_string("very secret");
  google::protobuf::Any inner, outer;
  inner.PackFrom(context);
  outer.PackFrom(inner);
  Redact(&outer);
  EXPECT_EQ(outer.SerializeAsString().find("very secret"), std::string::npos);
  ASSERT_TRUE(outer.UnpackTo(&inner));
  ASSERT_TRUE(inner.UnpackTo(&context));
  EXPECT_EQ(context.common_tls_context().tls_certificates(0).private_key().inline_string(), kRedacted);
}

TEST(Redact, AnyOfAnUnknownTypeIsEmptied) {
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/somebody.elses.Secret");
  any.set_value("very secret");
  Redact(&any);
  EXPECT_EQ(any.type_url(), "type.googleapis.com/somebody.elses.Secret");
  EXPECT_EQ(any.value(), "");
}

TEST(Redact, CredentialsInMetadataGo) {
  envoy::config::bootstrap::v3::Bootstrap bootstrap;
  auto* service = bootstrap.mutable_dynamic_resources()->mutable_ads_config()->add_grpc_services();
  auto* header = service->add_initial_metadata();
  header->set_key("Authorization");
  header->set_value("Bearer very secret");
  auto* harmless = service->add_initial_metadata();
  harmless->set_key("x-cluster");
  harmless->set_value("one");
  Redact(&bootstrap);
  EXPECT_EQ(header->value(), kRedacted);
  EXPECT_EQ(harmless->value(), "one");
}

}  // namespace
}  // namespace weft::admin
