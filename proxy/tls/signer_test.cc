// Handshakes that wait for a signature of another process: what comes back, and who goes away in the meantime.

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "pki/x509.h"
#include "proxy/tls/tls_test_pair.h"

namespace weft::tls {
namespace {

constexpr size_t kHead = 4 + 1 + 1 + 2 + 32;  // of a request, docs/signer.md

// The other process: takes one connection on a socket of its own, all without waiting.
class FakeSigner {
 public:
  FakeSigner() {
    char folder[] = "/tmp/weft_signer_XXXXXX";
    EXPECT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    sockaddr_un at = {};
    at.sun_family = AF_UNIX;
    std::strcpy(at.sun_path, path().c_str());
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(listen(listener_, 4), 0);
  }
  ~FakeSigner() {
    close(listener_);
    if (socket_ >= 0) close(socket_);
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }
  FakeSigner(const FakeSigner&) = delete;

  std::string path() const { return folder_ + "/s"; }

  // What to sign, once the whole request is there.
  bool Asked() {
    if (socket_ < 0) socket_ = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    char bytes[4096];
    const ssize_t size = socket_ < 0 ? -1 : recv(socket_, bytes, sizeof bytes, 0);
    if (size > 0) request_.append(bytes, static_cast<size_t>(size));
    if (size == 0) {  // somebody who left again
      close(socket_);
      socket_ = -1;
    }
    return request_.size() > kHead &&
           request_.size() == 4 + static_cast<uint8_t>(request_[2]) * 256u + static_cast<uint8_t>(request_[3]);
  }
  std::string message() const { return request_.substr(kHead); }
  void Answer(char status, const std::string& text) {
    std::string answer = {0, 0, 0, static_cast<char>(text.size() + 1), status};
    answer += text;
    EXPECT_EQ(send(socket_, answer.data(), answer.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer.size()));
  }
  // The proxy has closed the connection.
  bool IsLeft() {
    char byte;
    return recv(socket_, &byte, 1, 0) == 0;
  }

 private:
  std::string folder_, request_;
  int listener_ = -1, socket_ = -1;
};

std::string Signed(const std::string& key_pem, const std::string& message) {
  const bssl::UniquePtr<EVP_PKEY> key = *pki::ParsePrivateKey(key_pem);
  bssl::ScopedEVP_MD_CTX context;
  std::string signature(EVP_PKEY_size(key.get()), '\0');
  size_t size = signature.size();
  EXPECT_TRUE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()));
  EXPECT_TRUE(EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
                             reinterpret_cast<const uint8_t*>(message.data()), message.size()));
  signature.resize(size);
  return signature;
}

class SignerTest : public TlsTest {
 protected:
  // Begins a handshake and turns the loop until the server's signer is asked.
  void Begin() {
    config::DownstreamTlsSpec spec = ServerSpec(leaf_);
    spec.common.certificates[0].key_pem.clear();
    spec.common.certificates[0].signer = config::SignerSpec{signer_.path(), std::chrono::seconds(1)};
    auto [a, b] = net::MemoryStream::Pair(reactor_);
    const auto deadline = In(std::chrono::seconds(5));
    server_scope_.Spawn(Accept(reactor_, std::move(b), Server(spec), {}, deadline, &pair_.server));
    scope_.Spawn(Connect(reactor_, std::move(a), Client(), {}, deadline, &pair_.client));
    ASSERT_TRUE(TurnUntil([&] { return signer_.Asked(); }, 500)) << pair_.server.failure.detail;
  }
  std::string ServersFault() {
    EXPECT_TRUE(TurnUntil([&] { return pair_.server.done; }));
    EXPECT_EQ(pair_.server.stream, nullptr);
    EXPECT_EQ(pair_.server.failure.origin, base::Origin::kProxy) << "it is not the client's fault";
    return pair_.server.failure.detail;
  }

  const pki::TestLeaf leaf_ = Authority().LeafFor(kPay);
  FakeSigner signer_;
  Pair pair_;
  runtime::Scope server_scope_{reactor_};
};

TEST_F(SignerTest, TheHandshakeGoesOnWithTheSignature) {
  Begin();
  signer_.Answer(0, Signed(leaf_.key_pem, signer_.message()));
  ASSERT_TRUE(TurnUntil([&] { return pair_.client.done && pair_.server.done; }));
  ASSERT_TRUE(pair_.client.stream && pair_.server.stream) << pair_.server.failure.detail;
  EXPECT_EQ(Pass(*pair_.client.stream, *pair_.server.stream, "hello"), "hello");
}

TEST_F(SignerTest, AnEmptySignatureIsNone) {
  Begin();
  signer_.Answer(0, "");
  EXPECT_NE(ServersFault().find("answers with 0 bytes, which is no signature"), std::string::npos)
      << pair_.server.failure.detail;
}

TEST_F(SignerTest, ASignatureLongerThanTheKeyIsNone) {
  Begin();
  signer_.Answer(0, std::string(120, 'x'));
  EXPECT_EQ(ServersFault().find("signer_lost: "), 0u) << pair_.server.failure.detail;
}

TEST_F(SignerTest, ANoIsTold) {
  Begin();
  signer_.Answer(2, "not\nnow");
  const std::string fault = ServersFault();
  EXPECT_EQ(fault.find("signer_refused: "), 0u) << fault;
  EXPECT_NE(fault.find("says: not?now"), std::string::npos) << fault;
}

// A burst of handshakes, or of clients that left again, is no reason to fail the next one.
TEST_F(SignerTest, AFullQueueIsWaitedFor) {
  std::vector<int> others;
  sockaddr_un at = {};
  at.sun_family = AF_UNIX;
  std::strcpy(at.sun_path, signer_.path().c_str());
  const auto connects = [&] {
    others.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return connect(others.back(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  };
  while (connects()) {
  }
  ASSERT_EQ(errno, EAGAIN);
  for (const int fd : others) close(fd);  // their places are taken until the signer looks at them
  Begin();
  signer_.Answer(0, Signed(leaf_.key_pem, signer_.message()));
  ASSERT_TRUE(TurnUntil([&] { return pair_.client.done && pair_.server.done; }));
  EXPECT_TRUE(pair_.client.stream && pair_.server.stream) << pair_.server.failure.detail;
}

TEST_F(SignerTest, ItsTimeEnds) {
  Begin();
  EXPECT_EQ(ServersFault().find("signer_timeout: "), 0u) << pair_.server.failure.detail;
  EXPECT_TRUE(signer_.IsLeft());
}

// The handshake is dropped (drain, a client's deadline) while the signature is on its way: nothing is left that it
// could come to.
TEST_F(SignerTest, ADroppedHandshakeTakesItsQuestionAlong) {
  Begin();
  server_scope_.Cancel();
  EXPECT_TRUE(signer_.IsLeft());
  TurnUntil([&] { return pair_.client.done; });
  EXPECT_EQ(pair_.client.stream, nullptr);
}

}  // namespace
}  // namespace weft::tls
