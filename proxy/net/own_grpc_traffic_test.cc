#include "proxy/net/own_grpc_traffic.h"

#include <dirent.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/own_traffic.h"
#include "proxy/net/socket.h"

namespace weft::net {
namespace {

// Descriptors of this process that are connected to that port.
std::vector<int> ConnectedTo(int port) {
  std::vector<int> found;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (fd >= 0 && PeerAddress(fd).is_ip() && PeerAddress(fd).port() == port) found.push_back(fd);
  }
  closedir(folder);
  return found;
}

int Option(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  getsockopt(fd, SOL_SOCKET, option, &value, &size);
  return value;
}

TEST(OwnGrpcTraffic, SocketsOfAChannelAreMarked) {
  grpc::CallbackGenericService nothing;
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&nothing);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);

  for (int channels = 0; channels < 2; ++channels) {  // the second uses the same mutator
    grpc::ChannelArguments arguments;
    MarkOwnGrpcTraffic(arguments);
    arguments.SetInt("weft.test", channels);  // no shared subchannel
    const auto channel =
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments);
    ASSERT_TRUE(channel->WaitForConnected(gpr_time_from_seconds(20, GPR_TIMESPAN)));
    const std::vector<int> sockets = ConnectedTo(port);
    ASSERT_FALSE(sockets.empty());
    for (int fd : sockets) {
      EXPECT_TRUE(Option(fd, SO_MARK) == static_cast<int>(kStraightTrafficMark) ||
                  Option(fd, SO_PRIORITY) == kStraightTrafficPriority);
    }
  }
  server->Shutdown();
}

}  // namespace
}  // namespace weft::net
