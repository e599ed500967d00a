#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "http/running_door.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

class ProduceTest : public testing::Test {
 protected:
  // The records of a partition as the text format shows them.
  json::array stored(std::int32_t partition) {
    const Response response =
        door.get("/topics/mqtt/partitions/" + std::to_string(partition) + "/records?format=text&offset=earliest");
    return json::parse(response.body).as_array();
  }
  RunningDoor door;
};

TEST_F(ProduceTest, RecordsAreReadableWhenTheAnswerComes) {
  const Response response = door.send(
      "POST", "/topics/mqtt",
      R"({"records":[{"key":"plant/1","value":{"t":21.5,"a":[1,"x\u0001\"",true,null,[],{}]},"partition":1},{"key":"plant/1","value":null,"partition":1}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json::parse(response.body), json::parse(R"({"key_schema_id":null,"value_schema_id":null,"offsets":[
      {"partition":1,"offset":0,"error_code":null,"error":null},
      {"partition":1,"offset":1,"error_code":null,"error":null}]})"));
  const json::array records = stored(1);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].at("key"), "plant/1");
  EXPECT_EQ(records[0].at("value"), R"({"t":21.5,"a":[1,"x\u0001\"",true,null,[],{}]})");
  EXPECT_TRUE(records[1].at("value").is_null());
}

TEST_F(ProduceTest, EachFormatIsReadAsItIsWritten) {
  struct Row {
    const char* type;
    const char* record;
  };
  const Row table[] = {
      {"application/vnd.kafka.binary.v2+json",
       R"({"key":"cGxhbnQ=","value":"MjE=","headers":[{"name":"u","value":"Qw=="}]})"},
      {"application/vnd.kafka.text.v2+json", R"({"key":"plant","value":"21","headers":[{"name":"u","value":"C"}]})"},
      {"application/vnd.kafka.json.v2+json", R"({"key":"plant","value":21,"headers":[{"name":"u","value":"C"}]})"},
      {"application/json; charset=utf-8", R"({"key":"plant","value":21,"headers":[{"name":"u","value":"C"}]})"},
  };
  for (const Row& row : table) {
    const std::string body = std::string(R"({"records":[)") + row.record + "]}";
    const Response response = door.send("POST", "/topics/mqtt/partitions/0", body, row.type);
    ASSERT_EQ(response.status, 200) << row.type << response.body;
    const json::array records = stored(0);
    EXPECT_EQ(records.back().at("key"), "plant") << row.type;
    EXPECT_EQ(records.back().at("value"), "21") << row.type;
    EXPECT_EQ(records.back().at("headers"), json::parse(R"([{"name":"u","value":"C"}])")) << row.type;
  }
}

TEST_F(ProduceTest, ATimestampIsKept) {
  ASSERT_EQ(
      door.send("POST", "/topics/mqtt/partitions/0", R"({"records":[{"value":1,"timestamp":1234567890123}]})").status,
      200);
  EXPECT_EQ(stored(0).at(0).at("timestamp"), 1234567890123);
}

TEST_F(ProduceTest, WhatCannotBeWrittenIsToldWhy) {
  struct Row {
    const char* target;
    const char* body;
    unsigned status;
    const char* message;
  };
  const Row table[] = {
      {"/topics/nope", R"({"records":[{"value":1}]})", 404, "there are: mqtt other"},
      {"/topics/__own", R"({"records":[{"value":1}]})", 400, "the server's own"},
      {"/topics/mqtt", "{", 400, "not JSON"},
      {"/topics/mqtt", "[]", 422, "must be a JSON object"},
      {"/topics/mqtt", R"({"records":[]})", 422, "the body must be"},
      {"/topics/mqtt", R"({"records":[1]})", 422, "must be an object"},
      {"/topics/mqtt", R"({"records":[{"value":1,"partition":2}]})", 400, "it has 0 to 1"},
      {"/topics/mqtt", R"({"records":[{"value":1,"partition":"0"}]})", 422, "partition must be"},
      {"/topics/mqtt", R"({"records":[{"value":1,"timestamp":"now"}]})", 422, "timestamp must be"},
      {"/topics/mqtt", R"({"records":[{"value":1,"timestamp":99999999999999}]})", 400, "at most an hour ahead"},
      {"/topics/mqtt", R"({"records":[{"value":1,"headers":{"a":"b"}}]})", 422, "headers must be an array"},
      {"/topics/mqtt", R"({"records":[{"value":1,"headers":[{"name":"mqtt.qos2","value":"x"}]}]})", 400, "mqtt.qos2"},
      {"/topics/mqtt/partitions/0", R"({"records":[{"value":1,"partition":1}]})", 422, "another partition"},
      {"/topics/mqtt/partitions/7", R"({"records":[{"value":1}]})", 404, "it has 0 to 1"},
  };
  for (const Row& row : table) {
    const Response response = door.send("POST", row.target, row.body);
    EXPECT_EQ(response.status, row.status) << row.body << response.body;
    EXPECT_THAT(json::parse(response.body).at("message").as_string().c_str(), HasSubstr(row.message)) << row.body;
  }
  const Response not_base64 =
      door.send("POST", "/topics/mqtt", R"({"records":[{"value":"a b"}]})", "application/vnd.kafka.binary.v2+json");
  EXPECT_EQ(not_base64.status, 422);
  EXPECT_THAT(not_base64.body, HasSubstr("is not base64"));
  EXPECT_TRUE(stored(0).empty());
  EXPECT_TRUE(stored(1).empty());
}

TEST_F(ProduceTest, WhatAWebPageCanSendWithoutAskingIsRefused) {
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""}) {
    EXPECT_EQ(door.send("POST", "/topics/mqtt", R"({"records":[{"value":1}]})", type).status, 415) << type;
  }
}

TEST_F(ProduceTest, AServerThatIsStoppingSaysSo) {
  door.committer->stop();
  const Response response = door.send("POST", "/topics/mqtt", R"({"records":[{"value":1}]})");
  EXPECT_EQ(response.status, 503);
}

TEST_F(ProduceTest, AFullDiskIsNoSuccess) {
  door.files->set_capacity(door.files->used());
  const std::string value(100'000, 'x');
  const Response response =
      door.send("POST", "/topics/mqtt/partitions/0", R"({"records":[{"value":")" + value + R"("}]})");
  EXPECT_EQ(response.status, 507) << response.body;
  EXPECT_TRUE(stored(0).empty());
}

}  // namespace
}  // namespace bitacora::http
