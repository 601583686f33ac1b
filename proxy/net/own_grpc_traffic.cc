#include "proxy/net/own_grpc_traffic.h"

#include <grpc/support/sync.h>

#include "proxy/net/own_traffic.h"

// grpc::ChannelArguments::SetSocketMutator is public, but gRPC does not install the header that says what a mutator is.
// These are the declarations of gRPC 1.51 (lib/iomgr/socket_mutator.h), as the installed library exports them.
struct grpc_mutate_socket_info {
  int fd;
  int usage;
};

struct grpc_socket_mutator_vtable {
  bool (*mutate_fd)(int fd, grpc_socket_mutator* mutator);
  int (*compare)(grpc_socket_mutator* a, grpc_socket_mutator* b);
  void (*destroy)(grpc_socket_mutator* mutator);
  bool (*mutate_fd_2)(const grpc_mutate_socket_info* info, grpc_socket_mutator* mutator);
};

struct grpc_socket_mutator {
  const grpc_socket_mutator_vtable* vtable;
  gpr_refcount refcount;
};

void grpc_socket_mutator_init(grpc_socket_mutator* mutator, const grpc_socket_mutator_vtable* vtable);
grpc_socket_mutator* grpc_socket_mutator_ref(grpc_socket_mutator* mutator);

namespace weft::net {
namespace {

bool MarkSocket(int fd, grpc_socket_mutator*) {
  MarkOwnTraffic(fd, OwnTraffic::kStraight);
  return true;
}

int Same(grpc_socket_mutator* a, grpc_socket_mutator* b) { return a < b ? -1 : a > b ? 1 : 0; }

void Keep(grpc_socket_mutator*) {}

constexpr grpc_socket_mutator_vtable kMarking = {
    .mutate_fd = &MarkSocket, .compare = &Same, .destroy = &Keep, .mutate_fd_2 = nullptr};

// One for the process, never destroyed: it holds its first reference itself.
grpc_socket_mutator* Marking() {
  static grpc_socket_mutator* const mutator = [] {
    static grpc_socket_mutator only;
    grpc_socket_mutator_init(&only, &kMarking);
    return &only;
  }();
  return mutator;
}

}  // namespace

void MarkOwnGrpcTraffic(grpc::ChannelArguments& arguments) {
  arguments.SetSocketMutator(grpc_socket_mutator_ref(Marking()));  // takes the reference over
}

}  // namespace weft::net
