// For tests: an ADS server in this process, over real gRPC on a port of its own. Requests are kept, the test answers
// them. Any thread.
#ifndef WEFT_PROXY_DISCOVERY_FAKE_ADS_SERVER_H_
#define WEFT_PROXY_DISCOVERY_FAKE_ADS_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "envoy/service/discovery/v3/discovery.grpc.pb.h"

namespace weft::discovery {

class FakeAdsServer final : public envoy::service::discovery::v3::AggregatedDiscoveryService::CallbackService {
 public:
  using Request = envoy::service::discovery::v3::DiscoveryRequest;
  using Response = envoy::service::discovery::v3::DiscoveryResponse;

  // Port 0: any.
  explicit FakeAdsServer(std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials(),
                         int port = 0);
  ~FakeAdsServer() override;

  int port() const { return port_; }
  std::string target() const { return "ipv4:127.0.0.1:" + std::to_string(port_); }

  // All of them, of all streams.
  std::vector<Request> requests() const;
  size_t open_streams() const;
  size_t streams() const;  // ever
  // The names in the client certificate of the newest stream; empty without one.
  std::vector<std::string> peer_names() const;
  std::string last_metadata(const std::string& key) const;
  std::string last_authority() const;  // of the newest stream

  // On all open streams.
  void Send(const Response& response);
  void Close(const grpc::Status& status);

 private:
  class Stream;
  grpc::ServerBidiReactor<Request, Response>* StreamAggregatedResources(grpc::CallbackServerContext* context) override;

  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::set<Stream*> open_;
  size_t streams_ = 0;
  std::vector<std::string> peer_names_;
  std::multimap<std::string, std::string> metadata_;
  std::string authority_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_FAKE_ADS_SERVER_H_
