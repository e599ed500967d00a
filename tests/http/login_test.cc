// Who asks, and what they may: the HTTP door with users and rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/base64.h"
#include "http/running_door.h"
#include "mqtt/codec.h"

namespace bitacora::http {
namespace {

using identity::Action;
using identity::Audience;
using identity::Effect;
using identity::Principal;
using identity::Rule;
using identity::Verdict;
using testing::HasSubstr;
using testing::Not;

// Believes ann, bob and root, whose password is their name backwards, and the token "good-token" for ann. Answers from
// a thread of its own, as the real one does.
class Judge final : public identity::Authenticator {
 public:
  ~Judge() override { join(); }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  void authenticate(identity::Credentials credentials, Done done) override {
    threads_.emplace_back([credentials = std::move(credentials), done = std::move(done)] { done(judge(credentials)); });
  }

 private:
  static Verdict judge(const identity::Credentials& credentials) {
    const std::string& name = credentials.user_name;
    Verdict verdict;
    if (credentials.password == "busy") verdict.answer = Verdict::Answer::busy;
    const bool known = name == "ann" || name == "bob" || name == "root";
    if (known && credentials.password == std::string(name.rbegin(), name.rend())) {
      verdict.answer = Verdict::Answer::accepted;
      verdict.principal.source = Principal::Source::password;
      verdict.principal.user = name;
      verdict.principal.credential = 1;
    }
    if (name.empty() && credentials.password == "good-token") {
      verdict.answer = Verdict::Answer::accepted;
      verdict.principal.source = Principal::Source::token;
      verdict.principal.user = "ann";
      verdict.principal.credential = 7;
    }
    return verdict;
  }
  std::vector<std::thread> threads_;
};

Rule allow(std::string user, std::string actions, std::string filter) {
  return {Audience::user, std::move(user), Effect::allow, *identity::parse_actions(actions), std::move(filter)};
}

Headers basic(const std::string& user, const std::string& password) {
  return {{"Authorization", "Basic " + encode_base64(as_bytes(user + ":" + password))}};
}
Headers as(const std::string& user) { return basic(user, std::string(user.rbegin(), user.rend())); }

class HttpLogin : public testing::Test {
 protected:
  HttpLogin() {
    access.names = bridge::NameChecks::asked;
    access.anonymous = bridge::Anonymous::refused;
    access.otherwise = Effect::deny;
    access.users = {{"ann", {1}}, {"bob", {1}}, {"root", {1}}};
    access.token_key = 7;
    access.rules = {allow("ann", "all", "plant/1/#"), allow("bob", "read", "plant/2/#"),
                    allow("root", "all, administer", "#")};
    door = std::make_unique<RunningDoor>(HttpSettings{}, admission(), &judge);
  }
  ~HttpLogin() override {
    door->server->stop();  // asks the judge nothing any more
    judge.join();
  }

  Admission admission() const { return {std::make_shared<const bridge::AccessSettings>(access)}; }
  void reload() { door->server->change(admission()); }

  Response ask(const std::string& target, Headers headers, const std::string& method = "GET",
               const std::string& body = {}) const {
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    return door->client().request({.method = method, .target = target, .headers = std::move(headers), .body = body});
  }

  bridge::AccessSettings access;
  Judge judge;
  std::unique_ptr<RunningDoor> door;
};

constexpr const char* records = "/topics/mqtt/partitions/0/records?format=text";

TEST_F(HttpLogin, WhoSaysNothingOrSomethingWrongIsToldWhatMayBeSaid) {
  for (const Headers& headers :
       {Headers{}, basic("ann", "guess"), basic("nobody", "ydobon"), Headers{{"Authorization", "Bearer bad-token"}},
        Headers{{"Authorization", "Basic !!"}}, Headers{{"Authorization", "Digest x"}},
        Headers{{"Authorization", "Basic"}}, Headers{{"Authorization", "Bearer"}}}) {
    const Response response = ask("/topics", headers);
    EXPECT_EQ(response.status, 401U);
    EXPECT_EQ(response.header("WWW-Authenticate"), R"(Basic realm="bitacora", charset="UTF-8")");
    EXPECT_THAT(response.body, HasSubstr(R"("error_code":40101)"));
    EXPECT_THAT(response.body, Not(HasSubstr("guess")));
  }
  EXPECT_EQ(door->metrics.logins_refused.value(), 8U);
}

TEST_F(HttpLogin, APasswordOrATokenLetsIn) {
  EXPECT_EQ(ask("/topics", as("ann")).status, 200U);
  EXPECT_EQ(ask("/topics", {{"Authorization", "Bearer good-token"}}).status, 200U);
  EXPECT_EQ(ask("/topics", {{"Authorization", "bearer good-token"}}).status, 200U);
  HttpClient client = door->client();  // each request of a connection says for itself who it is
  EXPECT_EQ(client.request({.target = "/topics", .headers = as("ann")}).status, 200U);
  EXPECT_EQ(client.request({.target = "/topics"}).status, 401U);
}

TEST_F(HttpLogin, TooManyLoginsAtOnceAreAskedToComeAgain) {
  const Response response = ask("/topics", basic("ann", "busy"));
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.header("Retry-After"), "1");
}

TEST_F(HttpLogin, HealthAndTheDocumentAreForEverybody) {
  for (const char* target : {"/", "/health", "/openapi.json"}) EXPECT_EQ(ask(target, {}).status, 200U) << target;
}

TEST_F(HttpLogin, ABodyIsNotReadBeforeItIsKnownWhoSendsIt) {
  HttpClient client = door->client();
  client.send_raw(
      "POST /topics/mqtt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 401U);
}

TEST_F(HttpLogin, AnonymousCallersComeInWhereTheServerOrTheListenerSaysSo) {
  Admission here = admission();
  here.anonymous = bridge::AnonymousAccess::allowed;
  door->server->change(here);
  EXPECT_EQ(ask("/topics", {}).status, 200U);
  EXPECT_EQ(ask("/topics", basic("ann", "guess")).status, 401U) << "a wrong password makes no anonymous caller";
  EXPECT_EQ(ask(records, {}).status, 403U);
  access.anonymous = bridge::Anonymous::allowed;
  here = admission();
  here.anonymous = bridge::AnonymousAccess::refused;
  door->server->change(here);
  EXPECT_EQ(ask("/topics", {}).status, 401U);
}

TEST_F(HttpLogin, ARecordIsReadByTheRightToItsOwnTopic) {
  door->append(0, "plant/1/temp", "for-ann");
  door->append(0, "plant/2/temp", "for-bob");
  door->append(0, "plant/1/temp", "for-ann-2");
  const Response anns = ask(records, as("ann"));
  EXPECT_THAT(anns.body, testing::AllOf(HasSubstr("for-ann"), HasSubstr("for-ann-2"), Not(HasSubstr("for-bob"))));
  EXPECT_EQ(anns.header("X-Next-Offset"), "3");
  const Response bobs = ask(records, as("bob"));
  EXPECT_THAT(bobs.body, testing::AllOf(HasSubstr("for-bob"), Not(HasSubstr("for-ann"))));
  EXPECT_THAT(ask(records, as("root")).body, testing::AllOf(HasSubstr("for-bob"), HasSubstr("for-ann")));
}

TEST_F(HttpLogin, AReadThatPassesOverEverythingStillMovesOn) {
  door->append(0, "plant/2/temp", "for-bob");
  const Response response = ask(std::string(records) + "&timeout=60000", as("ann"));  // and does not wait
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.body, "[]");
  EXPECT_EQ(response.header("X-Next-Offset"), "1");
}

TEST_F(HttpLogin, ARecordWithoutATopicIsForWhoMayReadEverything) {
  const std::string body = R"({"records":[{"value":"no-key"},{"key":"no/+/topic","value":"bad-key"}]})";
  EXPECT_EQ(ask("/topics/other", as("ann"), "POST", body).status, 403U);
  EXPECT_EQ(ask("/topics/other", as("root"), "POST", body).status, 200U);
  const std::string target = "/topics/other/partitions/0/records?format=text";
  EXPECT_EQ(ask(target, as("ann")).body, "[]");
  EXPECT_THAT(ask(target, as("root")).body, testing::AllOf(HasSubstr("no-key"), HasSubstr("bad-key")));
}

TEST_F(HttpLogin, ProducingNeedsTheRightToPublishToEveryRecordsTopicAndElseNothingIsWritten) {
  const auto produce = [&](const std::string& user, const std::string& keys) {
    return ask("/topics/other", as(user), "POST", R"({"records":[)" + keys + "]}");
  };
  EXPECT_EQ(produce("ann", R"({"key":"plant/1/a","value":1})").status, 200U);
  const Response refused = produce("ann", R"({"key":"plant/1/a","value":1},{"key":"plant/2/a","value":1})");
  EXPECT_EQ(refused.status, 403U);
  EXPECT_THAT(refused.body, HasSubstr(R"("error_code":40301)"));
  EXPECT_EQ(produce("bob", R"({"key":"plant/2/a","value":1})").status, 403U) << "reading is not publishing";
  EXPECT_EQ(door->store->find_log("other")->partition(0).offsets().log_end, 1);
  EXPECT_EQ(door->metrics.http_not_authorized.value(), 2U);
}

TEST_F(HttpLogin, AdministeringIsARightOfItsOwn) {
  access.rules.push_back(allow("bob", "administer", "server/metrics"));
  reload();
  EXPECT_EQ(ask("/metrics", as("ann")).status, 403U);
  EXPECT_EQ(ask("/metrics", as("bob")).status, 200U);
  EXPECT_EQ(ask("/recovery", as("bob")).status, 403U);
  EXPECT_EQ(ask("/recovery", as("root")).status, 200U);
  const std::string offsets = R"({"offsets":[{"topic":"mqtt","partition":0,"offset":0}]})";
  EXPECT_EQ(ask("/groups/g/offsets", as("ann"), "PUT", offsets).status, 200U) << "as a member of a $group could";
  EXPECT_EQ(ask("/groups/g", as("ann"), "DELETE").status, 403U);
  EXPECT_EQ(ask("/groups/g", as("root"), "DELETE").status, 204U);
}

TEST_F(HttpLogin, TheServersOwnLogsAreForWhoAdministersThem) {
  door->append(0, "client", "secret-session", "__own");
  EXPECT_EQ(ask("/topics/__own/partitions/0/records", as("ann")).status, 403U);
  EXPECT_EQ(ask("/topics/__own", as("ann")).status, 403U);
  EXPECT_EQ(ask("/tail?log=__own&from=earliest", as("ann")).status, 403U);
  EXPECT_EQ(ask("/topics?internal=true", as("ann")).body, R"(["mqtt","other"])");
  EXPECT_EQ(ask("/topics?internal=true", as("root")).body, R"(["__own","mqtt","other"])");
  EXPECT_THAT(ask("/topics/__own/partitions/0/records?format=text", as("root")).body, HasSubstr("secret-session"));
}

TEST_F(HttpLogin, ATailShowsWhatItsCallerMayReadAndNothingElse) {
  EXPECT_EQ(ask("/tail?filter=plant/2/%23", as("ann")).status, 403U);
  door->append(0, "plant/2/temp", "for-bob");
  door->append(0, "plant/1/temp", "first");
  HttpClient client = door->client();
  ASSERT_EQ(client.open_tail("/tail?from=earliest&format=text", as("ann")).status, 200U);
  const ServerEvent event = client.next_event();
  EXPECT_THAT(event.data, HasSubstr("first"));
  EXPECT_THAT(event.id, HasSubstr("mqtt:0=2"));
}

TEST_F(HttpLogin, ARightThatIsTakenAwayIsGoneAtOnceFromATailUnderWay) {
  HttpClient client = door->client();
  ASSERT_EQ(client.open_tail("/tail?from=earliest&format=text", as("ann")).status, 200U);
  door->append(0, "plant/1/temp", "before");
  EXPECT_THAT(client.next_event().data, HasSubstr("before"));
  access.rules[0] = allow("ann", "read", "plant/1/open");
  reload();
  EXPECT_EQ(ask("/topics", as("ann")).status, 200U);  // the door has taken the new rules by now
  door->append(0, "plant/1/temp", "hidden");
  door->append(0, "plant/1/open", "after");
  EXPECT_THAT(client.next_event().data, HasSubstr("after"));
}

TEST_F(HttpLogin, WhoIsRemovedIsToldSoAndTheTailEndsWithoutWaitingForARecord) {
  HttpClient client = door->client();
  ASSERT_EQ(client.open_tail("/tail?from=earliest&format=text", as("ann")).status, 200U);
  access.users.erase("ann");
  reload();
  const ServerEvent event = client.next_event();
  EXPECT_EQ(event.event, "error");
  EXPECT_THAT(event.data, HasSubstr("40101"));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpLogin, ALongPollOfARemovedUserGetsNothing) {
  HttpClient client = door->client();
  client.send({.target = std::string(records) + "&timeout=60000", .headers = as("ann")});
  // Answered behind the one above, on a connection of its own, when that one has been let in or will not be.
  EXPECT_EQ(ask("/topics", as("ann")).status, 200U);
  access.users.erase("ann");
  reload();
  EXPECT_EQ(client.receive().status, 401U);
}

TEST(HttpWithoutUsers, AHeaderThatNobodyAskedForIsNotLookedAt) {
  RunningDoor door;
  EXPECT_EQ(door.client().request({.target = "/topics", .headers = basic("ann", "x")}).status, 200U);
}

}  // namespace
}  // namespace bitacora::http
