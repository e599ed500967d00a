#include "bridge/session_journal.h"

#include <gtest/gtest.h>

namespace bitacora::bridge {
namespace {

// A journal that a test writes line by line and reads as a start would.
class JournalTest : public testing::Test {
 protected:
  void write(const JournalRecord& record) {
    storage::RecordView view;
    view.key = record.key;
    if (record.value) view.value = *record.value;
    EXPECT_TRUE(image_.apply(view));
  }
  const JournalImage& read() {
    image_.finish();
    return image_;
  }

  const SessionEntry session_{"pump-7", 42, mqtt::ProtocolVersion::v5, 3600, 0};
  const SubscriptionEntry subscription_{
      "pump-7", "plant/+/temp",   42, {mqtt::QoS::exactly_once, true, true, mqtt::RetainHandling::do_not_send},
      9,        {{"mqtt", 3, 17}}};
  const FeedEntry feed_{"pump-7", "", 42, false, {{"mqtt", 0, 5}, {"mqtt", 1, 1'000'000'000'000}}};
  const Qos2Entry qos2_{"pump-7",
                        42,
                        12,
                        {{mqtt::PacketId(65535), 11}, {mqtt::PacketId(1), 9, 0x1122334455667788}},
                        {{mqtt::PacketId(2), 10}}};
  const WillEntry will_{"pump-7",
                        42,
                        {"last/words",
                         Bytes(3, std::byte{0}),
                         mqtt::QoS::exactly_once,
                         mqtt::Retain::yes,
                         30,
                         1,
                         60,
                         "text/plain",
                         "re/ply",
                         Bytes(2, std::byte{0xff}),
                         {{"b", "1"}, {"a", ""}, {"b", "1"}},
                         7}};
  const InFlightEntry in_flight_{
      "pump-7",
      42,
      false,
      1'000'000'000'000,
      {{65536, {"mqtt", 3, 17}, "", InFlightMessage::Awaiting::pubrec, mqtt::Retain::no, 0},
       {65537, {"__retained", 0, 1}, std::nullopt, InFlightMessage::Awaiting::pubcomp, mqtt::Retain::yes, 9}}};
  const WillEntry plain_will_{"pump-7", 42, {}};
  JournalImage image_;
};

TEST_F(JournalTest, EveryEntryComesBackAsItWasWritten) {
  write(encode(session_));
  write(encode(subscription_));
  write(encode(feed_));
  write(encode(qos2_));
  write(encode(will_));
  write(encode(in_flight_));
  const auto& session = read().sessions().at("pump-7");
  EXPECT_EQ(session.will, will_);
  EXPECT_EQ(session.in_flight, in_flight_);
  EXPECT_EQ(session.entry, session_);
  EXPECT_EQ(session.subscriptions.at("plant/+/temp"), subscription_);
  EXPECT_EQ(session.feeds.at(""), feed_);
  EXPECT_EQ(session.qos2, qos2_);
}

TEST_F(JournalTest, TheSessionsOwnRecordMayComeLastAsCompactionLeavesIt) {
  write(encode(subscription_));
  write(encode(session_));
  EXPECT_EQ(read().sessions().at("pump-7").subscriptions.size(), 1U);
}

TEST_F(JournalTest, WhatBelongsToAnEarlierSessionOfTheClientDoesNotCount) {
  write(encode(session_));
  write(encode(subscription_));
  write(encode(qos2_));
  write(session_tombstone("pump-7"));
  SessionEntry next = session_;
  next.epoch = 43;
  write(encode(next));
  const auto& session = read().sessions().at("pump-7");
  EXPECT_TRUE(session.subscriptions.empty());
  EXPECT_EQ(session.qos2, std::nullopt);
}

TEST_F(JournalTest, ATombstoneEndsASession) {
  write(encode(session_));
  write(encode(subscription_));
  write(session_tombstone("pump-7"));
  EXPECT_TRUE(read().sessions().empty());
}

TEST_F(JournalTest, TombstonesRemoveOneSubscriptionOrFeed) {
  write(encode(session_));
  write(encode(subscription_));
  write(encode(feed_));
  write(subscription_tombstone("pump-7", "plant/+/temp"));
  write(feed_tombstone("pump-7", ""));
  write(qos2_tombstone("pump-7"));
  const auto& session = read().sessions().at("pump-7");
  EXPECT_TRUE(session.subscriptions.empty());
  EXPECT_TRUE(session.feeds.empty());
}

TEST_F(JournalTest, AWillIsOfItsSessionReplacedAndRemoved) {
  write(encode(session_));
  write(encode(will_));
  write(encode(plain_will_));
  EXPECT_EQ(read().sessions().at("pump-7").will, plain_will_);
  write(will_tombstone("pump-7"));
  EXPECT_EQ(read().sessions().at("pump-7").will, std::nullopt);
  WillEntry of_another = will_;
  of_another.epoch = 41;
  write(encode(of_another));
  EXPECT_EQ(read().sessions().at("pump-7").will, std::nullopt);
}

TEST_F(JournalTest, AWillThatAnEarlierVersionWroteHasNoNumber) {
  write(encode(session_));
  JournalRecord record = encode(will_);
  record.value->resize(record.value->size() - sizeof(std::uint32_t));
  write(record);
  WillEntry expected = will_;
  expected.will.number = 0;
  EXPECT_EQ(read().sessions().at("pump-7").will, expected);
}

TEST_F(JournalTest, WhatIsInFlightIsOfItsSessionAndRemoved) {
  write(encode(session_));
  write(encode(in_flight_));
  write(in_flight_tombstone("pump-7"));
  EXPECT_EQ(read().sessions().at("pump-7").in_flight, std::nullopt);
  InFlightEntry of_another = in_flight_;
  of_another.epoch = 41;
  write(encode(of_another));
  EXPECT_EQ(read().sessions().at("pump-7").in_flight, std::nullopt);
}

TEST_F(JournalTest, ACutWillOrInFlightRecordIsRefused) {
  for (const JournalRecord& whole : {encode(will_), encode(in_flight_)}) {
    for (std::size_t size = 0; size < whole.value->size(); ++size) {
      const bool has_no_number = whole.key == encode(will_).key && size + sizeof(std::uint32_t) == whole.value->size();
      if (has_no_number) continue;  // an earlier version's
      storage::RecordView view;
      view.key = whole.key;
      view.value = ByteView(*whole.value).first(size);
      EXPECT_FALSE(image_.apply(view)) << size;
    }
  }
}

TEST_F(JournalTest, AClientIdMayHoldAnyCharacterButNul) {
  SessionEntry odd = session_;
  odd.client_id = "a/b c\n\xc3\xa9";
  write(encode(odd));
  EXPECT_EQ(read().sessions().at(odd.client_id).entry, odd);
}

TEST_F(JournalTest, TheLowestMarkOfAllShardsCounts) {
  write(encode(MarkEntry{0, {{"mqtt", 0, 10}, {"mqtt", 1, 20}}}));
  write(encode(MarkEntry{1, {{"mqtt", 0, 7}, {"mqtt", 1, 30}}}));
  const auto lowest = read().lowest_marks();
  EXPECT_EQ(lowest.at({"mqtt", 0}), 7);
  EXPECT_EQ(lowest.at({"mqtt", 1}), 20);
}

TEST_F(JournalTest, ACutOrUnknownRecordIsRefusedAndChangesNothing) {
  const JournalRecord whole = encode(subscription_);
  for (std::size_t size = 0; size < whole.value->size(); ++size) {
    storage::RecordView view;
    view.key = whole.key;
    view.value = ByteView(*whole.value).first(size);
    EXPECT_FALSE(image_.apply(view)) << size;
  }
  Bytes newer = *whole.value;
  newer.front() = std::byte{2};
  storage::RecordView view;
  view.key = whole.key;
  view.value = newer;
  EXPECT_FALSE(image_.apply(view));
  view.key = as_bytes("z");
  EXPECT_FALSE(image_.apply(view));
}

}  // namespace
}  // namespace bitacora::bridge
