// Stored batches: the log's own bytes, whole batches, from the one that holds the offset.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/running_door.h"
#include "storage/batch.h"

namespace bitacora::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* batches = "/topics/mqtt/partitions/0/batches";

std::vector<std::string> values_of(const std::string& body) {
  std::vector<std::string> values;
  for (ByteView rest = as_bytes(body); !rest.empty();) {
    const auto batch = storage::BatchView::check(rest);
    EXPECT_TRUE(batch) << "the body is no run of whole batches";
    if (!batch) return values;
    storage::RecordReader reader(*batch);
    while (auto record = *reader.next()) values.emplace_back(as_text(*record->value));
    rest = rest.subspan(batch->size());
  }
  return values;
}

class BatchesTest : public testing::Test {
 protected:
  Response read(const std::string& query) { return door.get(std::string(batches) + "?" + query); }
  void append(std::initializer_list<std::string_view> values) {
    for (const std::string_view value : values) door.append(0, "plant/1", value);
  }
  RunningDoor door;
};

TEST_F(BatchesTest, AreTheBytesOfTheLogFromTheBatchOfAnOffsetToTheCommittedEnd) {
  append({"a", "b", "c"});
  const Response response = read("offset=1");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/vnd.bitacora.batches.v2");
  EXPECT_EQ(response.header("X-First-Offset"), "1");
  EXPECT_EQ(response.header("X-Next-Offset"), "3");
  EXPECT_EQ(response.header("X-Log-Start-Offset"), "0");
  EXPECT_EQ(response.header("X-Committed-Offset"), "3");
  EXPECT_THAT(values_of(response.body), ElementsAre("b", "c"));
  const auto stored = door.mqtt().partition(0).read(1, 1 << 20);
  EXPECT_EQ(response.body, as_text(stored->bytes));
}

TEST_F(BatchesTest, AtTheEndThereAreNone) {
  append({"a"});
  const Response response = read("offset=latest");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, IsEmpty());
  EXPECT_EQ(response.header("X-Next-Offset"), "1");
}

TEST_F(BatchesTest, ReadOnFromTheNextOffsetGiveEverythingOnce) {
  std::vector<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    expected.push_back(std::to_string(i) + std::string(1000, '.'));
    append({expected.back()});
  }
  std::vector<std::string> found;
  std::string next = "earliest";
  int answers = 0;
  for (; answers < 100; ++answers) {
    const Response response = read("max_bytes=9000&offset=" + next);
    ASSERT_EQ(response.status, 200) << response.body;
    if (response.body.empty()) break;
    EXPECT_LE(response.body.size(), 9000U);
    for (std::string& value : values_of(response.body)) found.push_back(std::move(value));
    next = response.header("X-Next-Offset");
  }
  EXPECT_EQ(found, expected);
  EXPECT_LT(answers, 60);
}

TEST_F(BatchesTest, AreOneAtLeastWhateverItsSize) {
  append({std::string(100'000, 'x'), "b"});
  const Response response = read("max_bytes=1");
  EXPECT_EQ(response.header("X-Next-Offset"), "1");
  EXPECT_GT(response.body.size(), 100'000U);
}

TEST_F(BatchesTest, AnOffsetThatIsNotThereIsA416WithTheBounds) {
  append({"a"});
  const Response response = read("offset=9");
  EXPECT_EQ(response.status, 416);
  EXPECT_EQ(response.header("X-Committed-Offset"), "1");
}

TEST_F(BatchesTest, ToHeadHaveTheirSizeAndNoBody) {
  append({"a"});
  const std::size_t size = read("offset=0").body.size();
  HttpClient client = door.client();
  client.send({.method = "HEAD", .target = batches});
  EXPECT_EQ(client.receive(true).header("Content-Length"), std::to_string(size));
  client.send({.method = "GET", .target = "/health"});  // the connection is as it should be
  EXPECT_EQ(client.receive().status, 200);
}

TEST_F(BatchesTest, RecordsByFilterAreThoseThatItMatches) {
  append({"a", "b"});
  door.append(0, "other/2", "c");
  door.append(0, "plant/3", "d");
  const std::string records = "/topics/mqtt/partitions/0/records?format=text&filter=";
  const Response response = door.get(records + "plant/%2B");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("X-Next-Offset"), "4");
  EXPECT_THAT(response.body, testing::HasSubstr("\"value\":\"d\""));
  EXPECT_THAT(response.body, testing::Not(testing::HasSubstr("\"value\":\"c\"")));
  EXPECT_EQ(door.get(records + "a/%23/b").status, 400);
}

}  // namespace
}  // namespace bitacora::http
