#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "http/running_door.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

TEST(HttpServer, AnswersOneRequestAfterTheOtherOnAConnection) {
  RunningDoor door;
  HttpClient client = door.client();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.request({.target = "/topics"}).body, R"(["mqtt","other"])");
  EXPECT_EQ(client.request({.target = "/topics?internal=true"}).body, R"(["__own","mqtt","other"])");
}

TEST(HttpServer, ReadsRequestsThatCameTogether) {
  RunningDoor door;
  HttpClient client = door.client();
  const std::string one = "GET /topics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send_raw(one + one);
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive().status, 200);
}

TEST(HttpServer, HeadIsGetWithoutTheBody) {
  RunningDoor door;
  const Response response = door.client().request({.method = "HEAD", .target = "/topics"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Length"), std::to_string(door.get("/topics").body.size()));
  EXPECT_EQ(response.body, "");
}

TEST(HttpServer, SendsHeadersThatKeepBrowsersFromGuessing) {
  RunningDoor door;
  const Response response = door.get("/topics");
  EXPECT_EQ(response.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
}

TEST(HttpServer, AnUnknownPathOrMethodIsToldWhatThereIs) {
  RunningDoor door;
  EXPECT_EQ(door.get("/nope").status, 404);
  EXPECT_EQ(door.get("/topics/mqtt/partitions/0/records/1").status, 404);
  const Response response = door.send("POST", "/groups/g/offsets", "{}");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.header("Allow"), "GET, PUT");
  const Response parameter = door.get("/topics?x=1");
  EXPECT_EQ(parameter.status, 400);
  EXPECT_THAT(parameter.body, HasSubstr("there are: internal"));
}

TEST(HttpServer, OnlyOurOwnNamesAreAcceptedAsHost) {
  RunningDoor door({.host_names = {"logs.example"}});
  const auto status = [&](const std::string& host) {
    return door.client().request({.target = "/topics", .host = host}).status;
  };
  for (const char* host :
       {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "10.1.2.3", "logs.example:80", "a.localhost"}) {
    EXPECT_EQ(status(host), 200U) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", ":80"}) {
    EXPECT_EQ(status(host), 403U) << host;
  }
  EXPECT_EQ(status(""), 400U);
}

// Found by the fuzz target `http`.
TEST(HttpServer, ARefusalThatQuotesAHeaderIsJsonWhateverTheHeaderHolds) {
  RunningDoor door;
  for (const char* host : {"caf\xE9.example", "\xFF\xFE", "caf\xC3\xA9.example"}) {
    const Response response = door.client().request({.target = "/topics", .host = host});
    EXPECT_EQ(response.status, 403) << host;
    EXPECT_EQ(json::parse(response.body).at("error_code"), 403) << host;
  }
}

TEST(HttpServer, ABodyOverTheLimitIsRefusedAndNothingIsWritten) {
  RunningDoor door({.max_body_bytes = 1000});
  const std::string body = R"({"records":[{"value":")" + std::string(1000, 'x') + R"("}]})";
  const Response response = door.send("POST", "/topics/mqtt", body);
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(response.body, HasSubstr("over 1000 bytes"));
  EXPECT_EQ(door.mqtt().partition(0).offsets().log_end + door.mqtt().partition(1).offsets().log_end, 0);
}

TEST(HttpServer, ABodyInChunksIsHeldToTheSameLimit) {
  RunningDoor door({.max_body_bytes = 1000});
  HttpClient client = door.client();
  client.send_raw(
      "POST /topics/mqtt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) client.send_raw("64\r\n" + std::string(100, ' ') + "\r\n");
  EXPECT_EQ(client.receive().status, 413);
}

TEST(HttpServer, HeadersOverTheLimitAreRefused) {
  RunningDoor door;
  const Response response =
      door.client().request({.target = "/topics", .headers = {{"X-Long", std::string(20'000, 'x')}}});
  EXPECT_EQ(response.status, 431);
}

TEST(HttpServer, WhatIsNoHttpIsRefused) {
  RunningDoor door;
  HttpClient client = door.client();
  client.send_raw("\x10\x0c\x00\x04MQTT\r\n\r\n");
  EXPECT_EQ(client.receive().status, 400);
  EXPECT_TRUE(client.closed_by_server());
}

TEST(HttpServer, ASlowHeaderAndAnIdleConnectionAreClosed) {
  RunningDoor door({.header_timeout = std::chrono::milliseconds(1)});
  HttpClient slow = door.client();
  slow.send_raw("GET /topics HT");
  EXPECT_TRUE(slow.closed_by_server());

  RunningDoor impatient({.keep_alive_timeout = std::chrono::milliseconds(1)});
  HttpClient idle = impatient.client();
  idle.send_raw("");
  EXPECT_TRUE(idle.closed_by_server());
}

TEST(HttpServer, OneConnectionTooManyIsTurnedAway) {
  RunningDoor door({.max_connections = 2});
  HttpClient first = door.client();
  HttpClient second = door.client();
  EXPECT_EQ(first.request({.target = "/topics"}).status, 200);
  EXPECT_EQ(second.request({.target = "/topics"}).status, 200);
  HttpClient third = door.client();
  third.send_raw("");
  const Response response = third.receive();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(json::parse(response.body).at("error_code"), 503);
  EXPECT_EQ(door.metrics.of(bridge::Limit::connections).value(), 1U);
  EXPECT_EQ(first.request({.target = "/topics"}).status, 200);
}

TEST(HttpServer, AnAddressThatIsTakenIsAnError) {
  RunningDoor door;
  Server second(*door.store, *door.committer, *door.catalog, door.clock, door.metrics, {.port = door.server->port()});
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error(), HasSubstr("127.0.0.1:" + std::to_string(door.server->port())));
}

TEST(HttpServer, StopsWithConnectionsOpenAndTwice) {
  RunningDoor door;
  HttpClient idle = door.client();
  EXPECT_EQ(idle.request({.target = "/topics"}).status, 200);
  door.server->stop();
  door.server->stop();
  EXPECT_TRUE(idle.closed_by_server());
}

TEST(HttpHealth, IsGreenWhenAllIsWell) {
  RunningDoor door;
  const Response response = door.get("/health");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"status":"ok","reasons":[],"warnings":[]})");
}

TEST(HttpHealth, IsRedWithTheReasonWhenTheDiskIsFull) {
  RunningDoor door;
  door.files->set_capacity(door.files->used() + 10);
  const Response response = door.get("/health");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("disk space"));
}

TEST(HttpMetrics, SpeakPrometheus) {
  RunningDoor door;
  door.metrics.publishes_received.add(3);
  door.append(1, "t", "v");
  const Response response = door.get("/metrics");
  EXPECT_THAT(response.header("Content-Type"), HasSubstr("text/plain"));
  EXPECT_THAT(response.body, HasSubstr("# HELP bitacora_publishes_received_total PUBLISH packets received."));
  EXPECT_THAT(response.body, HasSubstr("# TYPE bitacora_publishes_received_total counter"));
  EXPECT_THAT(response.body, HasSubstr("\nbitacora_publishes_received_total 3"));
  EXPECT_THAT(response.body, HasSubstr("\nbitacora_committed_offset{log=\"mqtt\",partition=\"1\"} 1"));
  EXPECT_THAT(response.body, HasSubstr("\nbitacora_committer_in_flight_bytes 0"));
}

TEST(HttpMetrics, CountEachLimitUnderItsName) {
  RunningDoor door;
  door.metrics.reached(bridge::Limit::retained_messages);
  const Response response = door.get("/metrics");
  EXPECT_THAT(response.body, HasSubstr("# TYPE bitacora_limit_reached_total counter"));
  EXPECT_THAT(response.body, HasSubstr("\nbitacora_limit_reached_total{limit=\"retained_messages\"} 1"));
  for (const std::string_view name : bridge::limit_names) {
    EXPECT_THAT(response.body, HasSubstr("{limit=\"" + std::string(name) + "\"}"));
  }
}

TEST(HttpTopics, ShowSettingsAndOffsets) {
  RunningDoor door;
  door.append(1, "t", "v");
  const json::value topic = json::parse(door.get("/topics/mqtt").body);
  EXPECT_EQ(topic.at("configs").at("cleanup.policy"), "delete");
  EXPECT_EQ(topic.at("configs").at("bitacora.durability"), "sync");
  EXPECT_EQ(topic.at("partitions").as_array().size(), 2U);
  const json::value partition = json::parse(door.get("/topics/mqtt/partitions/1").body);
  EXPECT_EQ(partition, topic.at("partitions").as_array().at(1));
  EXPECT_EQ(partition.at("committed_offset"), 1);
  const json::value offsets = json::parse(door.get("/topics/mqtt/partitions/1/offsets?timestamp=-1h").body);
  EXPECT_EQ(offsets,
            json::parse(R"({"beginning_offset":0,"end_offset":1,"log_end_offset":1,"offset_at_timestamp":0})"));
  EXPECT_EQ(
      json::parse(door.get("/topics/mqtt/partitions/1/offsets?timestamp=4102444800000").body).at("offset_at_timestamp"),
      1);
  EXPECT_EQ(door.get("/topics/mqtt/partitions/1/offsets?timestamp=soon").status, 400);
}

TEST(HttpRecovery, SaysWhatTheStartFound) {
  RunningDoor door;
  const json::value report = json::parse(door.get("/recovery").body);
  EXPECT_TRUE(report.at("clean_shutdown").is_bool());
  EXPECT_TRUE(report.at("partitions").is_array());
  EXPECT_TRUE(report.at("found_since").as_array().empty());
}

}  // namespace
}  // namespace bitacora::http
