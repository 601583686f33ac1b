#include "control/api/grpc_service.h"

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"

namespace weft::control::api {
namespace {

// A watch holds a thread of gRPC's synchronous server.
constexpr int kMostWatches = 64;

}  // namespace

absl::StatusOr<std::string> GrpcService::Admit(const grpc::ServerContext& context) const {
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find("authorization");
  const std::string value = header == metadata.end() ? "" : std::string(header->second.data(), header->second.size());
  return access_.Check(context.peer(), value);
}

template <typename Request, typename Response>
grpc::Status GrpcService::Call(absl::Status (Operations::*method)(const std::string&, const Request&, Response*),
                               const grpc::ServerContext* context, const Request* request, Response* response) {
  absl::StatusOr<std::string> via = Admit(*context);
  if (!via.ok()) return ToGrpc(via.status());
  return ToGrpc((operations_.*method)(*via, *request, response));
}

grpc::Status GrpcService::Apply(grpc::ServerContext* context, const weft::v1::ApplyRequest* request,
                                weft::v1::ApplyResponse* response) {
  return Call(&Operations::Apply, context, request, response);
}

grpc::Status GrpcService::Get(grpc::ServerContext* context, const weft::v1::GetRequest* request,
                              weft::v1::Object* response) {
  return Call(&Operations::Get, context, request, response);
}

grpc::Status GrpcService::List(grpc::ServerContext* context, const weft::v1::ListRequest* request,
                               weft::v1::ListResponse* response) {
  return Call(&Operations::List, context, request, response);
}

grpc::Status GrpcService::Delete(grpc::ServerContext* context, const weft::v1::DeleteRequest* request,
                                 weft::v1::ApplyResponse* response) {
  return Call(&Operations::Delete, context, request, response);
}

grpc::Status GrpcService::Watch(grpc::ServerContext* context, const weft::v1::WatchRequest* request,
                                grpc::ServerWriter<weft::v1::WatchEvent>* writer) {
  absl::StatusOr<std::string> via = Admit(*context);
  if (!via.ok()) return ToGrpc(via.status());
  if (watches_.fetch_add(1) >= kMostWatches) {
    watches_.fetch_sub(1);
    return ToGrpc(absl::ResourceExhaustedError(absl::StrCat("there are ", kMostWatches, " watches already")));
  }
  const absl::Status ended = operations_.Watch(
      *request, [&](const weft::v1::WatchEvent& event) { return writer->Write(event); },
      [&] { return stopped_.load() || context->IsCancelled(); });
  watches_.fetch_sub(1);
  if (ended.ok() && stopped_.load()) return ToGrpc(absl::UnavailableError("weft-control is stopping"));
  return ToGrpc(ended);
}

grpc::Status GrpcService::Rollback(grpc::ServerContext* context, const weft::v1::RollbackRequest* request,
                                   weft::v1::ApplyResponse* response) {
  return Call(&Operations::Rollback, context, request, response);
}

grpc::Status GrpcService::Log(grpc::ServerContext* context, const weft::v1::LogRequest* request,
                              weft::v1::LogResponse* response) {
  return Call(&Operations::Log, context, request, response);
}

grpc::Status GrpcService::CreateToken(grpc::ServerContext* context, const weft::v1::CreateTokenRequest* request,
                                      weft::v1::CreateTokenResponse* response) {
  return Call(&Operations::CreateToken, context, request, response);
}

grpc::Status GrpcService::ListTokens(grpc::ServerContext* context, const weft::v1::ListTokensRequest* request,
                                     weft::v1::ListTokensResponse* response) {
  return Call(&Operations::ListTokens, context, request, response);
}

grpc::Status GrpcService::RevokeToken(grpc::ServerContext* context, const weft::v1::RevokeTokenRequest* request,
                                      weft::v1::RevokeTokenResponse* response) {
  return Call(&Operations::RevokeToken, context, request, response);
}

grpc::Status GrpcService::ListProxies(grpc::ServerContext* context, const weft::v1::ListProxiesRequest* request,
                                      weft::v1::ListProxiesResponse* response) {
  return Call(&Operations::ListProxies, context, request, response);
}

grpc::Status GrpcService::GetProxyConfig(grpc::ServerContext* context, const weft::v1::GetProxyConfigRequest* request,
                                         weft::v1::GetProxyConfigResponse* response) {
  return Call(&Operations::GetProxyConfig, context, request, response);
}

grpc::Status GrpcService::ListCertificates(grpc::ServerContext* context,
                                           const weft::v1::ListCertificatesRequest* request,
                                           weft::v1::ListCertificatesResponse* response) {
  return Call(&Operations::ListCertificates, context, request, response);
}

grpc::Status GrpcService::GetVersion(grpc::ServerContext* context, const weft::v1::GetVersionRequest* request,
                                     weft::v1::GetVersionResponse* response) {
  return Call(&Operations::GetVersion, context, request, response);
}

}  // namespace weft::control::api
