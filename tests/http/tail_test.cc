#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "http/running_door.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

std::string value_of(const ServerEvent& event) { return json::parse(event.data).at("value").as_string().c_str(); }

class HttpTailTest : public testing::Test {
 protected:
  RunningDoor door;
};

TEST_F(HttpTailTest, RunsFromTheLogIntoWhatIsPublishedNow) {
  door.append(0, "plant/1/temp", "old");
  door.append(0, "plant/1/humidity", "not asked for");
  HttpClient client = door.client();
  const Response header = client.open_tail("/tail?filter=plant/+/temp&from=earliest");
  EXPECT_EQ(header.status, 200);
  EXPECT_EQ(header.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(value_of(client.next_event()), "old");
  door.append(1, "plant/2/temp", "new");
  const ServerEvent event = client.next_event();
  EXPECT_EQ(value_of(event), "new");
  EXPECT_EQ(event.id, "mqtt:0=2,1=1;other:0=0");
  EXPECT_EQ(json::parse(event.data).at("key"), "plant/2/temp");
}

TEST_F(HttpTailTest, ResumesBehindTheLastEventWithoutAGapOrADuplicate) {
  constexpr int count = 50;
  for (int i = 0; i < count; ++i) door.append(0, "t", std::to_string(i));
  std::string last_id;
  for (int i = 0; i < count;) {
    HttpClient client = door.client();
    Headers headers;
    if (!last_id.empty()) headers.emplace_back("Last-Event-ID", last_id);
    ASSERT_EQ(client.open_tail("/tail?from=earliest&log=mqtt", headers).status, 200);
    for (int taken = 0; taken < 7 && i < count; ++taken, ++i) {
      const ServerEvent event = client.next_event();
      ASSERT_EQ(value_of(event), std::to_string(i));
      last_id = event.id;
    }
  }
  EXPECT_EQ(last_id, "mqtt:0=50,1=0");
}

TEST_F(HttpTailTest, TellsOfRecordsThatRetentionTook) {
  for (const char* value : {"a", "b", "c"}) door.append(0, "t", value);
  ASSERT_TRUE(door.mqtt().partition(0).delete_records_before(2));
  HttpClient client = door.client();
  client.open_tail("/tail?log=mqtt", {{"Last-Event-ID", "mqtt:0=0,1=0"}});
  const ServerEvent gap = client.next_event();
  EXPECT_EQ(gap.event, "gap");
  EXPECT_EQ(json::parse(gap.data),
            json::parse(R"({"topic":"mqtt","partition":0,"from_offset":0,"to_offset":2,"cause":"retention"})"));
  EXPECT_EQ(gap.id, "mqtt:0=2,1=0");
  EXPECT_EQ(value_of(client.next_event()), "c");
  EXPECT_EQ(door.metrics.records_skipped_retention.value(), 2U);
}

TEST_F(HttpTailTest, AnotherLogCanBeChosen) {
  door.append(0, "t", "mqtt");
  door.append(0, "t", "other", "other");
  HttpClient client = door.client();
  client.open_tail("/tail?from=earliest&log=other");
  EXPECT_EQ(value_of(client.next_event()), "other");
}

TEST_F(HttpTailTest, ASlowReaderHoldsTheLogBackAndMissesNothing) {
  constexpr int count = 300;
  const std::string value(100'000, 'x');  // 30 MB in all: more than any socket buffer takes
  for (int i = 0; i < count; ++i) door.append(0, "t", std::to_string(i) + value);
  HttpClient client = door.client();
  client.open_tail("/tail?from=earliest");
  ASSERT_EQ(door.get("/topics").status, 200);  // the door answers others meanwhile
  for (int i = 0; i < count; ++i) ASSERT_EQ(value_of(client.next_event()), std::to_string(i) + value);
}

TEST_F(HttpTailTest, EndsWhenTheServerStops) {
  HttpClient client = door.client();
  client.open_tail("/tail");
  door.server->stop();
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpTailTest, WhatCannotBeFollowedIsToldWhy) {
  struct Row {
    const char* target;
    unsigned status;
    const char* message;
  };
  const Row table[] = {
      {"/tail?filter=a/%23/b", 400, "no MQTT topic filter"},
      {"/tail?from=soon", 400, "earliest, latest"},
      {"/tail?log=nope", 404, "there are"},
      {"/tail?log=", 400, "log must name"},
      {"/tail?format=xml", 400, "binary, text or json"},
  };
  for (const Row& row : table) {
    const Response response = door.get(row.target);
    EXPECT_EQ(response.status, row.status) << row.target;
    EXPECT_THAT(response.body, HasSubstr(row.message)) << row.target;
  }
  for (const char* id : {"nonsense", "nope:0=1", "mqtt:7=1"}) {
    EXPECT_EQ(door.client().request({.target = "/tail", .headers = {{"Last-Event-ID", id}}}).status, 400) << id;
  }
}

TEST(HttpTail, SaysThatItIsAliveWhenNothingElseIsSaid) {
  RunningDoor door({.tail_heartbeat = std::chrono::milliseconds(1)});
  HttpClient client = door.client();
  client.open_tail("/tail");
  EXPECT_EQ(client.next_event(true).comment, "alive");
}

}  // namespace
}  // namespace bitacora::http
