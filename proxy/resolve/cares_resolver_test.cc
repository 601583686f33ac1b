// Against a name server of a few lines on a UDP port of its own, in the same loop.
#include "proxy/resolve/cares_resolver.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "proxy/resolve/addresses.h"

namespace weft::resolve {
namespace {

using base::Address;

std::vector<Address> Ips(std::initializer_list<const char*> texts) {
  std::vector<Address> ips;
  for (const char* text : texts) ips.push_back(*Address::FromIp(text, 0));
  return ips;
}

class NameServer final : public runtime::Watcher {
 public:
  static constexpr uint16_t kA = 1, kAaaa = 28;
  struct Zone {
    std::vector<Address> addresses;
    uint32_t ttl = 60;
    bool broken = false;  // SERVFAIL
  };

  explicit NameServer(runtime::Reactor& reactor)
      : reactor_(reactor), fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    const Address any = *Address::FromIp("127.0.0.1", 0);
    EXPECT_EQ(bind(fd_, any.raw(), any.raw_size()), 0);
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size), 0);
    port_ = ntohs(bound.sin_port);
    EXPECT_EQ(reactor_.Add(fd_, this, EPOLLIN), 0);
  }
  ~NameServer() override {
    reactor_.Remove(fd_, this);
    close(fd_);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::map<std::string, Zone> zones;
  int questions = 0;

 private:
  static void Put16(std::string* out, uint32_t value) {
    out->push_back(static_cast<char>(value >> 8 & 0xff));
    out->push_back(static_cast<char>(value & 0xff));
  }
  static std::string NameIn(const std::string& question) {
    std::string name;
    for (size_t at = 0; question[at] != 0; at += static_cast<uint8_t>(question[at]) + 1u) {
      name += (name.empty() ? "" : ".") + question.substr(at + 1, static_cast<uint8_t>(question[at]));
    }
    return name;
  }
  void OnEvents(uint32_t) override {
    char packet[512];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(fd_, packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) return;
    const std::string reply = Reply(std::string(packet, static_cast<size_t>(got)));
    sendto(fd_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
  std::string Reply(const std::string& query) {
    ++questions;
    const std::string name = NameIn(query.substr(12));
    const size_t end = 12 + name.size() + 2;
    const auto type =
        static_cast<uint16_t>(static_cast<uint8_t>(query[end]) << 8 | static_cast<uint8_t>(query[end + 1]));
    const auto zone = zones.find(name);
    std::string answers;
    uint32_t count = 0;
    if (zone != zones.end() && !zone->second.broken) {
      for (const Address& address : zone->second.addresses) {
        if ((address.family() == AF_INET ? kA : kAaaa) != type) continue;
        ++count;
        Put16(&answers, 0xc00c);  // the name of the question
        Put16(&answers, type);
        Put16(&answers, 1);
        Put16(&answers, zone->second.ttl >> 16);
        Put16(&answers, zone->second.ttl & 0xffff);
        Put16(&answers, static_cast<uint32_t>(address.ip_bytes().size()));
        answers += address.ip_bytes();
      }
    }
    std::string reply = query.substr(0, 2);
    Put16(&reply, zone == zones.end() ? 0x8183u : zone->second.broken ? 0x8182u : 0x8180u);
    Put16(&reply, 1);
    Put16(&reply, count);
    Put16(&reply, 0);
    Put16(&reply, 0);
    return reply + query.substr(12, end + 4 - 12) + answers;
  }

  runtime::Reactor& reactor_;
  const int fd_;
  uint16_t port_ = 0;
};

class CaresResolverTest : public ::testing::Test {
 protected:
  CaresResolverTest() {
    auto resolver = CaresResolver::Create(reactor_, {server_.address(), std::chrono::milliseconds(200), 2});
    EXPECT_TRUE(resolver.ok()) << resolver.status();
    resolver_ = *std::move(resolver);
  }
  std::unique_ptr<Watch> Start(Query query) {
    return resolver_->StartWatch(std::move(query), [this](const Answer& answer) { answers_.push_back(answer); });
  }
  template <class Condition>
  void RunUntil(Condition condition) {
    const runtime::TimePoint end = reactor_.clock().Monotonic() + std::chrono::seconds(20);
    while (!condition() && reactor_.clock().Monotonic() < end) reactor_.RunOnce(std::chrono::milliseconds(50));
    ASSERT_TRUE(condition());
  }
  runtime::Reactor reactor_;
  NameServer server_{reactor_};
  std::unique_ptr<CaresResolver> resolver_;
  std::vector<Answer> answers_;
};

TEST_F(CaresResolverTest, AnswersLaterAndByFamily) {
  server_.zones["both.test"] = {Ips({"10.0.0.2", "10.0.0.1", "fd00::1"})};
  const std::pair<DnsFamily, std::vector<Address>> cases[] = {
      {DnsFamily::kV4Only, Ips({"10.0.0.1", "10.0.0.2"})},
      {DnsFamily::kV6Only, Ips({"fd00::1"})},
      {DnsFamily::kAuto, Ips({"fd00::1"})},
      {DnsFamily::kV4Preferred, Ips({"10.0.0.1", "10.0.0.2"})},
      {DnsFamily::kAll, Ips({"10.0.0.1", "10.0.0.2", "fd00::1"})}};
  for (const auto& [family, expected] : cases) {
    answers_.clear();
    const auto watch = Start({"both.test", family});
    EXPECT_TRUE(answers_.empty());
    RunUntil([&] { return !answers_.empty(); });
    EXPECT_EQ(answers_[0].addresses, expected) << static_cast<int>(family);
    EXPECT_EQ(answers_[0].error, "");
  }
}

TEST_F(CaresResolverTest, TellsChangesOnlyAndKeepsTheLastGoodAnswer) {
  server_.zones["a.test"] = {Ips({"10.0.0.1"})};
  const auto watch = Start({"a.test", DnsFamily::kV4Only, std::chrono::milliseconds(10)});
  RunUntil([&] { return server_.questions >= 3; });
  EXPECT_EQ(answers_.size(), 1u);

  server_.zones["a.test"].addresses = Ips({"10.0.0.2"});
  RunUntil([&] { return answers_.size() == 2; });
  EXPECT_EQ(answers_[1].addresses, Ips({"10.0.0.2"}));

  server_.zones["a.test"].broken = true;
  RunUntil([&] { return answers_.size() == 3; });
  EXPECT_EQ(answers_[2].addresses, Ips({"10.0.0.2"}));
  EXPECT_NE(answers_[2].error, "");

  server_.zones["a.test"].broken = false;
  RunUntil([&] { return answers_.size() == 4; });
  EXPECT_EQ(answers_[3].error, "");
}

TEST_F(CaresResolverTest, TheTimeToLiveCountsWhenAsked) {
  server_.zones["long.test"] = {Ips({"10.0.0.1"}), 3600};
  server_.zones["b.test"] = {Ips({"10.0.0.1"})};
  const auto patient = Start({"long.test", DnsFamily::kV4Only, std::chrono::milliseconds(5), true});
  RunUntil([&] { return answers_.size() == 1; });
  const auto busy = Start({"b.test", DnsFamily::kV4Only, std::chrono::milliseconds(5)});
  RunUntil([&] { return server_.questions >= 10; });
  server_.questions = 0;
  server_.zones.erase("b.test");  // it backs off: a second at first
  RunUntil([&] { return answers_.size() == 3; });
  EXPECT_LE(server_.questions, 3);
}

TEST_F(CaresResolverTest, AnUnknownNameIsAnErrorAndAnAddressIsItself) {
  const auto unknown = Start({"nowhere.test"});
  RunUntil([&] { return answers_.size() == 1; });
  EXPECT_TRUE(answers_[0].addresses.empty());
  EXPECT_NE(answers_[0].error.find("nowhere.test: "), std::string::npos) << answers_[0].error;
  const int questions = server_.questions;
  const auto literal = Start({"192.0.2.7"});
  RunUntil([&] { return answers_.size() == 2; });
  EXPECT_EQ(answers_[1].addresses, Ips({"192.0.2.7"}));
  EXPECT_EQ(server_.questions, questions);
}

TEST_F(CaresResolverTest, LocalhostNeedsNoNameServer) {
  const auto watch = Start({"localhost"});
  RunUntil([&] { return answers_.size() == 1; });
  EXPECT_EQ(answers_[0].addresses, Ips({"127.0.0.1"}));
}

TEST_F(CaresResolverTest, AWatchMayEndItselfOrBeEndedDuringItsLookup) {
  server_.zones["a.test"] = {Ips({"10.0.0.1"})};
  std::unique_ptr<Watch> self;
  int calls = 0;
  self = resolver_->StartWatch({"a.test", DnsFamily::kV4Only}, [&](const Answer&) {
    ++calls;
    self.reset();
  });
  RunUntil([&] { return calls == 1; });

  server_.questions = 0;
  auto ended = Start({"a.test", DnsFamily::kV4Only});
  reactor_.RunOnce(std::chrono::milliseconds(50));
  ended.reset();
  const auto other = Start({"both.test", DnsFamily::kV4Only});
  RunUntil([&] { return !answers_.empty(); });
  EXPECT_EQ(answers_.size(), 1u);
  EXPECT_NE(answers_[0].error, "");
}

TEST(ChooseFamilyTest, WithoutDoublesAndWithTheOtherFamilyWhenOneIsEmpty) {
  EXPECT_EQ(ChooseFamily(Ips({"10.0.0.1", "10.0.0.1"}), DnsFamily::kAuto), Ips({"10.0.0.1"}));
  EXPECT_EQ(ChooseFamily(Ips({"fd00::1"}), DnsFamily::kV4Preferred), Ips({"fd00::1"}));
  EXPECT_TRUE(ChooseFamily(Ips({"fd00::1"}), DnsFamily::kV4Only).empty());
  EXPECT_EQ(ChooseFamily(Ips({"::1", "127.0.0.1"}), DnsFamily::kAuto), Ips({"127.0.0.1"}));
}

}  // namespace
}  // namespace weft::resolve
