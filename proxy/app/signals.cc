#include "proxy/app/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

#include "proxy/base/check.h"

namespace weft::app {
namespace {

sigset_t Watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals(runtime::Reactor& reactor, Hooks hooks) : reactor_(reactor), hooks_(std::move(hooks)) {
  const sigset_t set = Watched();
  WEFT_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signal(SIGPIPE, SIG_IGN);
  fd_ = net::Fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  WEFT_CHECK(fd_.valid());
  WEFT_CHECK(reactor_.Add(fd_.get(), this, EPOLLIN | EPOLLET) == 0);
}

Signals::~Signals() { reactor_.Remove(fd_.get(), this); }

void Signals::OnEvents(uint32_t) {
  signalfd_siginfo info;
  while (read(fd_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGUSR1) {
      hooks_.reopen_logs();
    } else {
      hooks_.terminate();
    }
  }
}

}  // namespace weft::app
