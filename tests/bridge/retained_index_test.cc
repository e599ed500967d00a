#include "bridge/retained_index.h"

#include <gtest/gtest.h>

#include <vector>

namespace bitacora::bridge {
namespace {

class RetainedIndexTest : public testing::Test {
 protected:
  void publish(std::string_view topic, std::string_view payload) {
    storage::RecordView record;
    record.offset = next_offset_++;
    record.key = as_bytes(topic);
    if (!payload.empty()) record.value = as_bytes(payload);
    index_.apply(record);
  }
  void publish_expiring(std::string_view topic, std::string_view expiry_s, Timestamp now_ms) {
    const storage::HeaderView expiry{"mqtt.expiry", as_bytes(expiry_s)};
    storage::RecordView record;
    record.offset = next_offset_++;
    record.timestamp = now_ms;
    record.key = as_bytes(topic);
    record.value = as_bytes("x");
    record.headers = std::span(&expiry, 1);
    index_.apply(record);
  }
  std::vector<std::string> find(std::string_view filter, std::size_t step = 1000) {
    std::vector<std::string> found;
    std::optional<std::string> after;
    while (true) {
      std::size_t budget = step;
      const auto next = index_.next(filter, after, budget);
      if (next.topic != nullptr) {
        found.push_back(*next.topic);
        after = *next.topic;
      } else if (next.stopped_at) {
        after = next.stopped_at;
      } else {
        return found;
      }
    }
  }

  RetainedIndex index_;
  storage::Offset next_offset_ = 0;
};

using Topics = std::vector<std::string>;

TEST_F(RetainedIndexTest, KnowsTheLastMessageOfATopic) {
  publish("a", "1");
  publish("a", "2");
  std::size_t budget = 10;
  EXPECT_EQ(index_.next("a", std::nullopt, budget).entry.offset, 1);
  EXPECT_EQ(index_.size(), 1U);
}

TEST_F(RetainedIndexTest, AnEmptyMessageRemoves) {  // [MQTT-3.3.1-6]
  publish("a", "1");
  publish("a", "");
  EXPECT_EQ(find("#"), Topics{});
}

TEST_F(RetainedIndexTest, DropsWhatHasExpiredTheOldestFirstAndNotWhatCameAnew) {
  publish_expiring("a", "10", 0);
  publish_expiring("b", "5", 0);
  publish_expiring("c", "20", 0);
  publish_expiring("d", "5", 0);
  publish("d", "lasting");  // in place of one that would expire
  publish_expiring("e", "5", 0);
  publish("e", "");
  index_.drop_expired(4'999, 10);
  EXPECT_EQ(find("#"), (Topics{"a", "b", "c", "d"}));
  index_.drop_expired(30'000, 1);
  EXPECT_EQ(find("#"), (Topics{"a", "c", "d"}));
  index_.drop_expired(10'000, 10);
  EXPECT_EQ(find("#"), (Topics{"c", "d"}));
  index_.drop_expired(1'000'000, 10);
  EXPECT_EQ(find("#"), Topics{"d"});
}

TEST_F(RetainedIndexTest, WalksWhatAFilterMatches) {
  for (const auto* topic : {"plant", "plant/1", "plant/1/temp", "plant/2/temp", "plants", "other/1/temp"})
    publish(topic, "x");
  EXPECT_EQ(find("plant/+/temp"), (Topics{"plant/1/temp", "plant/2/temp"}));
  EXPECT_EQ(find("plant/#"), (Topics{"plant", "plant/1", "plant/1/temp", "plant/2/temp"}));
  EXPECT_EQ(find("+/1/temp"), (Topics{"other/1/temp", "plant/1/temp"}));
  EXPECT_EQ(find("plants"), Topics{"plants"});
  EXPECT_EQ(find("nothing/#"), Topics{});
}

TEST_F(RetainedIndexTest, AWalkInSmallStepsFindsTheSame) {
  for (int i = 0; i < 50; ++i) publish("t/" + std::to_string(i % 7) + "/" + std::to_string(i), "x");
  EXPECT_EQ(find("t/3/+", 1), find("t/3/+"));
  EXPECT_EQ(find("+/3/+", 3), find("t/3/+"));
}

}  // namespace
}  // namespace bitacora::bridge
