#include "proxy/identity/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pki/join_token.h"
#include "proxy/identity/fake_ca_client.h"
#include "proxy/identity/test_directory.h"

namespace weft::identity {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kCart[] = "spiffe://cluster.local/ns/shop/sa/cart";

class IdentityTest : public ::testing::Test {
 protected:
  ~IdentityTest() override { Stop(); }

  // A proxy process starts; the one before, if any, is gone.
  absl::Status Start(const std::string& token = "", const std::string& token_file = "") {
    Stop();
    Options options;
    options.directory = directory_.path();
    options.join_token = token;
    options.join_token_file = token_file;
    Hooks hooks;
    hooks.changed = [this](const MaterialPtr& material) { published_.push_back(material); };
    hooks.log = [this](bool, const std::string& text) { log_ += text + "\n"; };
    hooks.random = [this] { return random_; };
    identity_ = std::make_unique<Identity>(reactor_, options, ca_, hooks);
    return identity_->Start();
  }
  void Stop() {
    if (identity_) identity_->Stop();
    identity_.reset();
  }
  std::string Token() const { return pki::NewJoinToken(ca_.RootSha256()).ToString(); }

  void Turn() { reactor_.RunOnce(runtime::Duration::zero()); }
  void Advance(runtime::Duration by, runtime::Duration step = seconds(1)) {
    for (; by > runtime::Duration::zero(); by -= step) {
      clock_.Advance(std::min(by, step));
      Turn();
    }
  }
  // Seconds from the first request to each.
  std::vector<int64_t> SigningTimes() const {
    std::vector<int64_t> times;
    for (const auto& one : ca_.signings) times.push_back(absl::ToInt64Seconds(one.at - ca_.signings.front().at));
    return times;
  }
  const State& state() const { return identity_->state(); }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  FakeCaClient ca_{reactor_};
  TestDirectory directory_;
  std::vector<MaterialPtr> published_;
  std::string log_;
  double random_ = 0.5;
  std::unique_ptr<Identity> identity_;
};

TEST_F(IdentityTest, EnrollsByToken) {
  const std::string token = Token();
  ASSERT_TRUE(Start(token).ok());
  Turn();
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(published_[0]->uri, kCart);
  EXPECT_EQ(identity_->current(), published_[0]);
  EXPECT_EQ(state().enrollments, 1u);
  EXPECT_FALSE(state().stored);
  EXPECT_THAT(ca_.root_requests, ElementsAre(ca_.RootSha256()));
  ASSERT_EQ(ca_.signings.size(), 1u);
  const SigningRequest& request = ca_.signings[0].request;
  EXPECT_EQ(request.join_token, token);
  EXPECT_EQ(request.roots_pem, ca_.ca().root_pem());
  EXPECT_EQ(request.client_key_pem, "");
  EXPECT_EQ(directory_.ModeOf("identity.pem"), 0600u);
  EXPECT_FALSE(directory_.Has("enrolling.key"));
  EXPECT_THAT(log_, HasSubstr(kCart));
  EXPECT_THAT(log_, Not(HasSubstr(token)));
  EXPECT_THAT(log_, Not(HasSubstr("PRIVATE KEY")));
}

TEST_F(IdentityTest, RestartNeedsNeitherTokenNorControlPlane) {
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  const std::string serial = published_.at(0)->serial;
  ca_.sign_error = absl::UnavailableError("down");
  Advance(minutes(10), seconds(10));
  published_.clear();
  ASSERT_TRUE(Start().ok());
  ASSERT_EQ(published_.size(), 1u) << "within Start()";
  EXPECT_EQ(published_[0]->serial, serial);
  EXPECT_TRUE(state().stored);
  // Its half-life counts from when it came, not from the restart.
  Advance(minutes(19), seconds(10));
  EXPECT_EQ(ca_.signings.size(), 1u);
  Advance(minutes(2), seconds(10));
  EXPECT_GT(ca_.signings.size(), 1u);
}

TEST_F(IdentityTest, RenewsAtHalfLifeByItsCertificate) {
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  const MaterialPtr first = identity_->current();
  Advance(minutes(29), seconds(10));
  EXPECT_EQ(ca_.signings.size(), 1u);
  Advance(minutes(2), seconds(10));
  ASSERT_EQ(ca_.signings.size(), 2u);
  const SigningRequest& request = ca_.signings[1].request;
  EXPECT_EQ(request.join_token, "");
  EXPECT_EQ(request.client_chain_pem, first->chain_pem);
  EXPECT_EQ(request.client_key_pem, first->key_pem);
  EXPECT_EQ(request.roots_pem, first->roots_pem);
  EXPECT_EQ(state().renewals, 1u);
  EXPECT_NE(identity_->current()->serial, first->serial);
  EXPECT_NE(identity_->current()->key_pem, first->key_pem);
  EXPECT_THAT(directory_.Read("identity.pem"), HasSubstr(identity_->current()->key_pem));
  // And so on, always by the newest.
  Advance(minutes(31), seconds(10));
  ASSERT_EQ(ca_.signings.size(), 3u);
  EXPECT_NE(ca_.signings[2].request.client_key_pem, first->key_pem);
}

TEST_F(IdentityTest, FailuresBackOff) {
  random_ = 0.999999;
  ca_.sign_error = absl::UnavailableError("connection refused");
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  Advance(seconds(100), std::chrono::milliseconds(100));
  EXPECT_THAT(SigningTimes(), ElementsAre(0, 1, 3, 7, 15, 31, 61, 91));
  EXPECT_EQ(ca_.root_requests.size(), 1u) << "a root that was found stays";
  EXPECT_EQ(state().failures, 8u);
  EXPECT_THAT(state().last_error, HasSubstr("connection refused"));
  EXPECT_THAT(state().last_error, HasSubstr(ca_.address()));
  const std::string key = directory_.Read("enrolling.key");
  EXPECT_THAT(key, HasSubstr("PRIVATE KEY"));

  // A restart asks again with the same key, which takes no second use of the token.
  ca_.sign_error = absl::OkStatus();
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  ASSERT_NE(identity_->current(), nullptr);
  EXPECT_EQ(identity_->current()->key_pem, key);
  EXPECT_EQ(state().last_error, "");
}

TEST_F(IdentityTest, FailedRenewalKeepsTheCertificate) {
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  const MaterialPtr first = identity_->current();
  ca_.sign_error = absl::UnavailableError("down");
  Advance(minutes(40), seconds(1));
  EXPECT_EQ(identity_->current(), first);
  EXPECT_GT(state().failures, 5u);
  EXPECT_THAT(state().last_error, HasSubstr("down"));
  EXPECT_THAT(log_, HasSubstr("the present certificate is good for another"));
  ca_.sign_error = absl::OkStatus();
  Advance(seconds(31));
  EXPECT_EQ(state().renewals, 1u);
  EXPECT_EQ(published_.size(), 2u);
  EXPECT_EQ(state().last_error, "");
}

TEST_F(IdentityTest, ControlPlaneThatNeverAnswersIsAFailure) {
  ca_.silent = true;
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  Advance(seconds(19));
  EXPECT_EQ(state().failures, 0u);
  Advance(seconds(2));
  EXPECT_EQ(state().failures, 1u);
  EXPECT_EQ(ca_.cancelled, 1);
  EXPECT_THAT(state().last_error, HasSubstr("did not answer in time"));
  ca_.silent = false;
  Advance(seconds(30));
  EXPECT_NE(identity_->current(), nullptr);
}

TEST_F(IdentityTest, ExpiredStoredCertificate) {
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  Stop();
  clock_.Advance(std::chrono::hours(3));
  Turn();
  published_.clear();
  const absl::Status status = Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("expired 2h ago"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("weft token create"));
  EXPECT_THAT(published_, IsEmpty()) << "never shown to anybody";

  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(state().enrollments, 1u);
}

// A proxy that was away for longer than its certificate said "used up" for ever, and not what helps.
TEST_F(IdentityTest, AfterALongAbsenceASpentTokenIsReplacedInItsFile) {
  const std::string file = directory_.path() + "/web.token";
  directory_.Write("web.token", Token());
  ASSERT_TRUE(Start("", file).ok());
  Turn();
  ASSERT_EQ(published_.size(), 1u);
  Stop();
  clock_.Advance(std::chrono::hours(3));
  Turn();
  log_.clear();
  ca_.sign_error = absl::UnauthenticatedError("join token b303ffe0: used up (1 of 1 uses) 3h ago");
  ASSERT_TRUE(Start("", file).ok());
  Turn();
  EXPECT_THAT(log_, HasSubstr("used up (1 of 1 uses)"));
  EXPECT_THAT(log_, HasSubstr("weft token create"));
  EXPECT_THAT(log_, HasSubstr("put it into " + file + ", which is read again"));

  const std::string fresh = Token();
  directory_.Write("web.token", fresh);
  ca_.sign_error = absl::OkStatus();
  Advance(minutes(1));
  EXPECT_EQ(ca_.signings.back().request.join_token, fresh);
  EXPECT_EQ(published_.size(), 2u);
}

TEST_F(IdentityTest, NothingIsAdvisedWhileTryingAgainMayHelp) {
  ca_.sign_error = absl::UnavailableError("down");
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  EXPECT_THAT(log_, HasSubstr("down"));
  EXPECT_THAT(log_, Not(HasSubstr("weft token create")));
}

TEST_F(IdentityTest, NothingAtAllIsAnErrorAtTheStart) {
  const absl::Status status = Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("identity.pem: there is none"));
  EXPECT_FALSE(Start("weft1.nonsense").ok());
}

TEST_F(IdentityTest, TokenIsNotSentToAForeignRoot) {
  ca_.root_error = absl::PermissionDeniedError("the server has another root");
  ASSERT_TRUE(Start(Token()).ok());
  Advance(seconds(10));
  EXPECT_THAT(ca_.signings, IsEmpty());
  EXPECT_EQ(identity_->current(), nullptr);
  EXPECT_THAT(state().last_error, HasSubstr("another root"));
}

TEST_F(IdentityTest, AnswerUnderAForeignRootIsRefused) {
  const std::string token = Token();
  const pki::TestAuthority foreign;
  ASSERT_TRUE(Start(token).ok());
  ca_.authority = &foreign;
  // Start() has already asked: as a fresh proxy, then.
  directory_.Write("identity.pem", "rubbish");
  published_.clear();
  ASSERT_TRUE(Start(token).ok());
  Turn();
  EXPECT_THAT(published_, IsEmpty());
  EXPECT_THAT(state().last_error, HasSubstr("is not among the answer's roots"));
}

TEST_F(IdentityTest, RenewalThatGivesAnotherNameIsRefused) {
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  ca_.uri = "spiffe://cluster.local/ns/shop/sa/admin";
  Advance(minutes(32), seconds(10));
  EXPECT_EQ(identity_->current()->uri, kCart);
  EXPECT_EQ(state().renewals, 0u);
  EXPECT_THAT(state().last_error, HasSubstr("sa/admin"));
}

TEST_F(IdentityTest, CertificateThatIsNotTakenAnyMoreIsReplacedByToken) {
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  const std::string token = Token();
  ASSERT_TRUE(Start(token).ok());
  ca_.sign_error = absl::UnauthenticatedError("certificate unknown");
  Advance(minutes(31), seconds(1));
  ASSERT_GE(ca_.signings.size(), 3u);
  EXPECT_NE(ca_.signings[1].request.client_key_pem, "");
  EXPECT_EQ(ca_.signings[2].request.join_token, token) << "in the same attempt";
}

TEST_F(IdentityTest, TokenOfANewRootIsUsedAtOnce) {
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  const pki::TestAuthority rebuilt;  // the control plane was set up anew
  ca_.authority = &rebuilt;
  ASSERT_TRUE(Start(Token()).ok());
  Turn();
  EXPECT_EQ(identity_->current()->roots_pem, rebuilt.root_pem());
  EXPECT_EQ(state().renewals, 1u);
}

}  // namespace
}  // namespace weft::identity
