#include "control/serve/encode.h"

#include <vector>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/slice.h"

namespace weft::control::serve {
namespace {

using envoy::service::discovery::v3::DiscoveryResponse;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

// Tag and length of one element of `resources`.
grpc::Slice ResourceHead(size_t bytes) {
  uint8_t head[16];
  uint8_t* end = CodedOutputStream::WriteTagToArray(
      WireFormatLite::MakeTag(DiscoveryResponse::kResourcesFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED),
      head);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(bytes), end);
  return grpc::Slice(head, static_cast<size_t>(end - head));
}

grpc::Slice Shared(const compile::ResourcePtr& resource) {
  auto* holder = new compile::ResourcePtr(resource);
  return grpc::Slice(
      const_cast<char*>(resource->any.data()), resource->any.size(),
      [](void* user_data) { delete static_cast<compile::ResourcePtr*>(user_data); }, holder);
}

}  // namespace

grpc::ByteBuffer Encode(const Response& response, const std::string& control_plane) {
  DiscoveryResponse rest;
  rest.set_version_info(response.version);
  rest.set_type_url(std::string(compile::TypeUrl(response.type)));
  rest.set_nonce(response.nonce);
  rest.mutable_control_plane()->set_identifier(control_plane);
  std::vector<grpc::Slice> slices;
  slices.reserve(1 + 2 * response.resources.size());
  slices.emplace_back(rest.SerializeAsString());
  for (const compile::ResourcePtr& resource : response.resources) {
    slices.push_back(ResourceHead(resource->any.size()));
    slices.push_back(Shared(resource));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace weft::control::serve
