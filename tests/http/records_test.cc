#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <thread>

#include "http/running_door.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

constexpr const char* records = "/topics/mqtt/partitions/0/records";

json::value parsed(const Response& response) { return json::parse(response.body); }
int error_code(const Response& response) { return static_cast<int>(parsed(response).at("error_code").as_int64()); }
// The values, as the text format shows them.
std::vector<std::string> values_of(const Response& response) {
  std::vector<std::string> values;
  const json::value all = parsed(response);
  for (const json::value& record : all.as_array()) {
    values.push_back(std::string(record.at("value").as_string().c_str()));
  }
  return values;
}

class RecordsTest : public testing::Test {
 protected:
  Response read(const std::string& query) { return door.get(std::string(records) + "?format=text&" + query); }
  void append(std::initializer_list<std::string_view> values) {
    for (const std::string_view value : values) door.append(0, "plant/1", value);
  }
  RunningDoor door;
};

TEST_F(RecordsTest, ComeFromAnOffsetWithTheBoundsInTheHeaders) {
  append({"a", "b", "c"});
  const Response response = read("offset=1");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(values_of(response), testing::ElementsAre("b", "c"));
  EXPECT_EQ(response.header("X-Next-Offset"), "3");
  EXPECT_EQ(response.header("X-Log-Start-Offset"), "0");
  EXPECT_EQ(response.header("X-Committed-Offset"), "3");
  EXPECT_EQ(response.header("Content-Type"), "application/vnd.kafka.text.v2+json");
}

TEST_F(RecordsTest, AreWrittenInFull) {
  append({"21.5"});
  const json::value record = parsed(read("offset=0")).as_array().at(0);
  EXPECT_EQ(record.at("topic"), "mqtt");
  EXPECT_EQ(record.at("partition"), 0);
  EXPECT_EQ(record.at("offset"), 0);
  EXPECT_GT(record.at("timestamp").as_int64(), 1'700'000'000'000);
  EXPECT_EQ(record.at("key"), "plant/1");
  EXPECT_EQ(record.at("value"), "21.5");
  EXPECT_EQ(record.at("headers"), json::parse(R"([{"name":"mqtt.qos","value":"1"}])"));
}

TEST_F(RecordsTest, FormatsShowTheSameBytesTheirOwnWay) {
  append({"{\"t\":\n 21.5}", "plain", "\xff\x01"});
  const auto values = [&](const char* format) {
    json::array all;
    const json::value body = parsed(door.get(std::string(records) + "?offset=0&format=" + format));
    for (const json::value& record : body.as_array()) {
      const json::object& object = record.as_object();
      all.push_back(object.at("value").is_null() ? object.at("value_base64") : object.at("value"));
    }
    return all;
  };
  EXPECT_EQ(values("binary"), json::parse(R"(["eyJ0IjoKIDIxLjV9", "cGxhaW4=", "/wE="])"));
  EXPECT_EQ(values("text"), json::parse(R"(["{\"t\":\n 21.5}", "plain", "/wE="])"));
  EXPECT_EQ(values("json"), json::parse(R"([{"t": 21.5}, "cGxhaW4=", "/wE="])"));
}

TEST_F(RecordsTest, AcceptChoosesTheFormatToo) {
  append({"21.5"});
  const auto with_accept = [&](const char* accept) {
    return door.client().request({.target = std::string(records) + "?offset=0", .headers = {{"Accept", accept}}});
  };
  EXPECT_EQ(parsed(with_accept("application/vnd.kafka.json.v2+json")).as_array()[0].at("value"), 21.5);
  EXPECT_EQ(parsed(with_accept("text/html, application/vnd.kafka.text.v2+json;q=0.9")).as_array()[0].at("value"),
            "21.5");
  EXPECT_EQ(parsed(with_accept("*/*")).as_array()[0].at("value"), "MjEuNQ==");
  EXPECT_EQ(with_accept("image/png").status, 406);
}

TEST_F(RecordsTest, ComeFromEarliestLatestAndTimes) {
  append({"a", "b"});
  EXPECT_THAT(values_of(read("")), testing::ElementsAre("a", "b"));
  EXPECT_THAT(values_of(read("offset=earliest")), testing::ElementsAre("a", "b"));
  EXPECT_THAT(values_of(read("offset=-1h")), testing::ElementsAre("a", "b"));
  EXPECT_THAT(values_of(read("offset=@2020-01-01T00:00:00+01:00")), testing::ElementsAre("a", "b"));
  EXPECT_EQ(read("offset=latest").body, "[]");
  EXPECT_EQ(read("offset=@2100-01-01T00:00:00Z").header("X-Next-Offset"), "2");
}

TEST_F(RecordsTest, LimitsAreKept) {
  append({"a", "b", "c"});
  EXPECT_THAT(values_of(read("max_records=2")), testing::ElementsAre("a", "b"));
  const Response one = read("max_bytes=1");
  EXPECT_THAT(values_of(one), testing::ElementsAre("a"));
  EXPECT_EQ(one.header("X-Next-Offset"), "1");
}

TEST_F(RecordsTest, OutOfRangeIs416WithTheBounds) {
  append({"a", "b", "c"});
  ASSERT_TRUE(door.mqtt().partition(0).delete_records_before(2));
  for (const char* offset : {"1", "4"}) {
    const Response response = read(std::string("offset=") + offset);
    EXPECT_EQ(response.status, 416) << offset;
    EXPECT_EQ(response.header("X-Log-Start-Offset"), "2");
    EXPECT_EQ(response.header("X-Committed-Offset"), "3");
    EXPECT_EQ(parsed(response).at("log_start_offset"), 2);
    EXPECT_EQ(parsed(response).at("committed_offset"), 3);
    EXPECT_THAT(response.body, HasSubstr("it keeps 2 up to 3"));
  }
}

TEST_F(RecordsTest, DamageIs500WithTheRangeAndWhereToGoOn) {
  append({"a", "b", "c"});
  const std::string file = "data/mqtt-0/00000000000000000000.log";
  const auto all = door.mqtt().partition(0).read(0, 1);
  ASSERT_TRUE(all);
  const std::uint64_t in_second_batch = all->bytes.size() * 8 + 70 * 8;  // within its records
  ASSERT_TRUE(door.files->flip_bit(file, in_second_batch));
  EXPECT_THAT(values_of(read("offset=0")), testing::ElementsAre("a"));
  const Response response = read("offset=1");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(parsed(response).at("damaged_from_offset"), 1);
  const std::int64_t behind = parsed(response).at("damaged_to_offset").as_int64();
  EXPECT_GE(behind, 2);
  EXPECT_EQ(response.header("X-Next-Offset"), std::to_string(behind));
}

TEST_F(RecordsTest, ALongPollWakesWhenARecordIsCommitted) {
  HttpClient client = door.client();
  client.send({.target = std::string(records) + "?format=text&offset=latest&timeout=20000"});
  // Another request on the same thread of the door was answered: the long poll came before it and waits.
  ASSERT_EQ(door.get("/topics").status, 200);
  append({"new"});
  EXPECT_THAT(values_of(client.receive()), testing::ElementsAre("new"));
}

TEST_F(RecordsTest, ALongPollEndsWithNothingWhenItsTimeIsOver) {
  const Response response = read("offset=latest&timeout=1");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "[]");
}

TEST_F(RecordsTest, ALongPollEndsWhenTheServerStops) {
  HttpClient client = door.client();
  client.send({.target = std::string(records) + "?offset=latest&timeout=60000"});
  ASSERT_EQ(door.get("/topics").status, 200);
  door.server->stop();
  EXPECT_EQ(client.receive().body, "[]");
}

TEST_F(RecordsTest, WrongParametersAreToldWhatIsPossible) {
  struct Row {
    const char* target;
    unsigned status;
    const char* message;
  };
  const Row table[] = {
      {"/topics/nope/partitions/0/records", 404, "there are: mqtt other"},
      {"/topics/mqtt/partitions/2/records", 404, "it has 0 to 1"},
      {"/topics/mqtt/partitions/x/records", 400, "partition must be a whole number"},
      {"/topics/mqtt/partitions/0/records?offset=soon", 400, "earliest, latest"},
      {"/topics/mqtt/partitions/0/records?max_bytes=0", 400, "max_bytes must be a whole number from 1"},
      {"/topics/mqtt/partitions/0/records?max_bytes=999999999", 400, "to 16777216"},
      {"/topics/mqtt/partitions/0/records?max_records=-1", 400, "max_records"},
      {"/topics/mqtt/partitions/0/records?timeout=60001", 400, "to 60000"},
      {"/topics/mqtt/partitions/0/records?format=xml", 400, "binary, text or json"},
      {"/topics/mqtt/partitions/0/records?offest=1", 400, "there are: offset, max_bytes"},
      {"/topics/mqtt/partitions/0/records?offset=1&offset=2", 400, "given twice"},
      {"/topics/mqtt/partitions/0/records?offset=%FF", 400, "not UTF-8"},
  };
  for (const Row& row : table) {
    const Response response = door.get(row.target);
    EXPECT_EQ(response.status, row.status) << row.target;
    EXPECT_THAT(response.body, HasSubstr(row.message)) << row.target;
  }
  EXPECT_EQ(error_code(door.get(table[0].target)), 40401);
  EXPECT_EQ(error_code(door.get(table[1].target)), 40402);
}

TEST_F(RecordsTest, ReplayGivesEveryRecordOnce) {
  constexpr int count = 5000;
  storage::BatchBuilder builder;
  for (int i = 0; i < count; ++i) builder.add({0, 1, as_bytes("t"), as_bytes(std::to_string(i)), {}});
  ASSERT_TRUE(door.committer->submit({&door.mqtt().partition(0), builder.take(), 0, 0}));
  HttpClient client = door.client();
  std::vector<std::string> all;
  std::string next = "0";
  while (all.size() < count) {
    const Response response =
        client.request({.target = std::string(records) + "?format=text&timeout=10000&max_bytes=10000&offset=" + next});
    ASSERT_EQ(response.status, 200);
    for (std::string& value : values_of(response)) all.push_back(std::move(value));
    next = response.header("X-Next-Offset");
  }
  for (int i = 0; i < count; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_EQ(next, std::to_string(count));
}

}  // namespace
}  // namespace bitacora::http
