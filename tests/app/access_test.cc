// Users, rules and keys from their files, and the threads that judge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "access_files.h"
#include "authentication_workers.h"
#include "identity/password_hash.h"

namespace bitacora::app {
namespace {

using identity::Credentials;
using identity::Verdict;
using testing::HasSubstr;
using Answer = Verdict::Answer;

const Bytes salt(identity::salt_size, std::byte{1});
const std::string hash_of_pencil = identity::hash_password("pencil", salt, {64, 1, 1});

class AccessFiles : public testing::Test {
 protected:
  AccessFiles() {
    std::string pattern = testing::TempDir() + "bitacora-access-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~AccessFiles() override { std::filesystem::remove_all(directory_); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }
  std::string mistake() {
    const auto loaded = load_access(config, "secret");
    return loaded ? "none" : loaded.error();
  }
  ServerConfig config;

 private:
  std::string directory_;
};

TEST_F(AccessFiles, WithoutUsersAndOnThisMachineEverybodyComesIn) {
  const auto loaded = load_access(config, "secret");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->settings.names, bridge::NameChecks::none);
  EXPECT_EQ(loaded->settings.anonymous, bridge::Anonymous::allowed);
  EXPECT_EQ(loaded->settings.otherwise, identity::Effect::allow);
}

TEST_F(AccessFiles, WithUsersOnlyTheyComeInUnlessItIsSaid) {
  config.auth.password_file = write("users", "ann:" + hash_of_pencil + "\n");
  auto loaded = load_access(config, "secret");
  ASSERT_TRUE(loaded.has_value()) << loaded.error();
  EXPECT_EQ(loaded->settings.names, bridge::NameChecks::asked);
  EXPECT_EQ(loaded->settings.anonymous, bridge::Anonymous::refused);
  EXPECT_EQ(loaded->judge->judge({"ann", "pencil", ""}, 0).answer, Answer::accepted);
  EXPECT_EQ(loaded->judge->judge({"ann", "pen", ""}, 0).answer, Answer::refused);
  EXPECT_EQ(loaded->judge->judge({"bob", "pencil", ""}, 0).answer, Answer::refused);
  EXPECT_EQ(loaded->judge->judge({"", "", ""}, 0).answer, Answer::refused);
  const auto verdict = loaded->judge->judge({"ann", "pencil", ""}, 0);
  EXPECT_TRUE(loaded->settings.still_believes(verdict.principal, {}));
  config.anonymous = Anonymous::everywhere;
  EXPECT_EQ(load_access(config, "secret")->settings.anonymous, bridge::Anonymous::allowed);
}

TEST_F(AccessFiles, CVE_2018_12550_AnAclFileWithoutALineDeniesEverything) {
  for (const std::string text : {"", "\n", "# nothing\n"}) {
    config.auth.acl_file = write("acl", text);
    const auto loaded = load_access(config, "secret");
    ASSERT_TRUE(loaded.has_value()) << loaded.error();
    EXPECT_EQ(loaded->settings.otherwise, identity::Effect::deny);
  }
}

TEST_F(AccessFiles, CVE_2018_12551_AMalformedLineIsNoUserAndNoOtherOneIsEither) {
  config.auth.password_file = write("users", "ann:" + hash_of_pencil + "\nbob\n:x\ncid:\n");
  EXPECT_THAT(mistake(), testing::AllOf(HasSubstr("users:2: "), HasSubstr("users:3: "), HasSubstr("users:4: ")));
}

TEST_F(AccessFiles, AFileThatIsNotThereIsNotAnEmptyOne) {
  config.auth.password_file = "/nonexistent/users";
  EXPECT_THAT(mistake(), HasSubstr("password_file: /nonexistent/users cannot be read: No such file"));
  config.auth = {};
  config.auth.acl_file = "/nonexistent/acl";
  EXPECT_THAT(mistake(), HasSubstr("acl_file: /nonexistent/acl cannot be read"));
  config.auth = {};
  config.jwt.key_file = "/nonexistent/key";
  EXPECT_THAT(mistake(), HasSubstr("key_file: /nonexistent/key cannot be read"));
}

TEST_F(AccessFiles, AFilterInTheAclFileThatIsNoneIsToldWithItsLine) {
  config.auth.acl_file = write("acl", "user ann\ntopic a/#/b\n");
  EXPECT_THAT(mistake(), HasSubstr("acl:2: \"a/#/b\""));
}

class Workers : public testing::Test {
 protected:
  static std::shared_ptr<const CredentialJudge> judge_of(const std::string& hash) {
    return std::make_shared<const CredentialJudge>(std::vector<identity::User>{{"ann", hash, {}}}, std::nullopt,
                                                   identity::JwtTerms{});
  }
  static Verdict ask(AuthenticationWorkers& workers, Credentials credentials) {
    std::promise<Verdict> answered;
    workers.authenticate(std::move(credentials), [&](Verdict verdict) { answered.set_value(std::move(verdict)); });
    return answered.get_future().get();
  }
  SystemClock clock;
  bridge::BrokerMetrics metrics;
  static constexpr identity::FailedLoginTerms at_once{.free = 1000};
};

TEST_F(Workers, AnswerOnceWithWhatIsTrue) {
  AuthenticationWorkers workers(clock, metrics, "secret", {2, 16, at_once});
  EXPECT_EQ(ask(workers, {"ann", "pencil", ""}).answer, Answer::refused) << "nobody is known yet";
  workers.set_judge(judge_of(hash_of_pencil));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(workers, {"ann", "pencil", ""}).answer, Answer::accepted);
    EXPECT_EQ(ask(workers, {"ann", "pencils", ""}).answer, Answer::refused);
    EXPECT_EQ(ask(workers, {"annp", "encil", ""}).answer, Answer::refused);
  }
}

TEST_F(Workers, ARememberedPasswordIsForgottenWithItsUser) {
  AuthenticationWorkers workers(clock, metrics, "secret", {1, 16, at_once});
  workers.set_judge(judge_of(hash_of_pencil));
  ASSERT_EQ(ask(workers, {"ann", "pencil", ""}).answer, Answer::accepted);
  workers.set_judge(judge_of(identity::hash_password("another", salt, {64, 1, 1})));
  EXPECT_EQ(ask(workers, {"ann", "pencil", ""}).answer, Answer::refused);
  EXPECT_EQ(ask(workers, {"ann", "another", ""}).answer, Answer::accepted);
}

// 19 MiB and tens of milliseconds each: a flood of CONNECTs must not queue without an end.
TEST_F(Workers, PastTheBoundOfTheQueueTheAnswerIsBusy) {
  AuthenticationWorkers workers(clock, metrics, "secret", {1, 4, at_once});
  std::promise<void> entered, go_on;
  auto may_go_on = go_on.get_future().share();
  workers.authenticate({"x", "x", ""}, [&entered, may_go_on](const Verdict&) {
    entered.set_value();
    may_go_on.wait();
  });
  entered.get_future().wait();  // the one thread is in this answer
  std::atomic<int> answered{0};
  for (int i = 0; i < 4; ++i) workers.authenticate({"x", "x", ""}, [&](const Verdict&) { ++answered; });
  EXPECT_EQ(ask(workers, {"x", "x", ""}).answer, Answer::busy);
  EXPECT_EQ(answered, 0);
  go_on.set_value();
  while (true) {  // a place is free again as soon as one was judged
    std::promise<Verdict> one;
    workers.authenticate({"y", "y", ""}, [&](Verdict verdict) { one.set_value(std::move(verdict)); });
    if (one.get_future().get().answer != Answer::busy) break;
  }
  EXPECT_EQ(answered, 4);
}

TEST_F(Workers, AWrongPasswordIsAnsweredLateWhileARightOneOfTheSameAddressIsNot) {
  const std::chrono::minutes late(1);
  AuthenticationWorkers workers(clock, metrics, "secret",
                                {1, 16, {.free = 1, .first_delay = late, .longest_delay = late, .max_held = 1}});
  workers.set_judge(judge_of(hash_of_pencil));
  EXPECT_EQ(ask(workers, {"ann", "guess", "10.0.0.1:1"}).answer, Answer::refused);
  std::atomic<bool> answered{false};
  workers.authenticate({"bob", "guess", "10.0.0.1:2"}, [&](const Verdict&) { answered = true; });
  EXPECT_EQ(ask(workers, {"ann", "pencil", "10.0.0.2:1"}).answer, Answer::accepted);
  EXPECT_EQ(ask(workers, {"ann", "pencil", "10.0.0.1:3"}).answer, Answer::accepted) << "it is remembered";
  EXPECT_EQ(ask(workers, {"ann", "guess", "10.0.0.1:4"}).answer, Answer::busy) << "one answer is held back already";
  EXPECT_FALSE(answered);
  EXPECT_EQ(metrics.logins_delayed.value(), 1U);
  EXPECT_EQ(metrics.of(bridge::Limit::failed_logins).value(), 1U);
}

TEST_F(Workers, ALateAnswerComesAndTheNextGuessMayBeMade) {
  const std::chrono::milliseconds late(20);
  AuthenticationWorkers workers(clock, metrics, "secret",
                                {1, 16, {.free = 0, .first_delay = late, .longest_delay = late, .max_held = 1}});
  for (int i = 0; i < 3; ++i) {
    const MonotonicTime begun = clock.now().monotonic;
    EXPECT_EQ(ask(workers, {"ann", "guess", "10.0.0.1:1"}).answer, Answer::refused);
    EXPECT_GE(clock.now().monotonic - begun, late);
  }
}

TEST_F(Workers, WhatADoorHasDisprovedByItselfIsCountedAndRefused) {
  AuthenticationWorkers workers(clock, metrics, "secret", {1, 16, at_once});
  workers.set_judge(judge_of(hash_of_pencil));
  const Verdict verdict = ask(workers, {"ann", "pencil", "10.0.0.1:1", "the proof is wrong"});
  EXPECT_EQ(verdict.answer, Answer::refused);
  EXPECT_EQ(verdict.why, "the proof is wrong");
}

}  // namespace
}  // namespace bitacora::app
