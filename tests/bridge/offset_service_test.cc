#include "bridge/offset_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/murmur2.h"
#include "bridge/fake_partition.h"
#include "bridge/log_world.h"

namespace bitacora::bridge {
namespace {

using storage::Errc;
using storage::Offset;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint32_t origin = 7;

class OffsetServiceTest : public testing::Test {
 protected:
  void commit() {
    world.committer->run_once();
    for (const auto& notice : std::exchange(world.notices, {})) service.on_commit(*notice);
  }
  void append(storage::Partition& partition, std::string_view key, std::string_view value) {
    world.append(partition, key, value);
    commit();
  }
  storage::Result<ProduceId> produce(std::initializer_list<RecordToProduce> records) {
    return service.produce(mqtt, std::vector<RecordToProduce>(records), world.clock.now().wall_ms);
  }
  static RecordToProduce record(std::string_view key, std::string_view value) {
    RecordToProduce made;
    made.key = as_bytes(key);
    made.value = as_bytes(value);
    return made;
  }
  // "offset=value" of each, then "next N", or the error's name.
  std::vector<std::string> read(storage::Partition& partition, Offset from, ReadLimits limits = {}) {
    std::vector<std::string> all;
    const auto next = OffsetService::read(partition, from, limits, [&](const storage::RecordView& it) {
      all.push_back(std::to_string(it.offset) + "=" + std::string(as_text(*it.value)));
    });
    all.push_back(next ? "next " + std::to_string(*next) : storage::name_of(next.error().code));
    return all;
  }

  LogWorld world;
  storage::Log& mqtt = world.create_log("mqtt", 2);
  storage::Log& internal = world.create_log("__sessions", 1);
  OffsetService service{*world.store, *world.committer, *world.catalog, origin};
};

TEST_F(OffsetServiceTest, TheServersOwnLogsAreListedWhenAskedForOnly) {
  EXPECT_THAT(service.logs(InternalLogs::hidden), ElementsAre(&mqtt));
  EXPECT_THAT(service.logs(InternalLogs::shown), ElementsAre(&internal, &mqtt));
}

TEST_F(OffsetServiceTest, ALogOrPartitionThatIsNotThereIsToldWhatIs) {
  EXPECT_EQ(service.find_log("nope").error().code, Errc::not_found);
  EXPECT_THAT(service.find_log("nope").error().message, HasSubstr("there are: mqtt"));
  EXPECT_EQ(*service.find_partition(mqtt, 1), &mqtt.partition(1));
  EXPECT_THAT(service.find_partition(mqtt, 2).error().message, HasSubstr("it has 0 to 1"));
  EXPECT_EQ(service.find_partition(mqtt, -1).error().code, Errc::not_found);
}

TEST_F(OffsetServiceTest, ReadGivesRecordsFromAnOffsetAndWhereToGoOn) {
  for (const char* value : {"a", "b", "c"}) append(mqtt.partition(0), "k", value);
  EXPECT_THAT(read(mqtt.partition(0), 1), ElementsAre("1=b", "2=c", "next 3"));
  EXPECT_THAT(read(mqtt.partition(0), 3), ElementsAre("next 3"));
}

TEST_F(OffsetServiceTest, ReadKeepsToItsLimitsButGivesOneRecordAtLeast) {
  for (const char* value : {"aaaa", "b", "c"}) append(mqtt.partition(0), "k", value);
  EXPECT_THAT(read(mqtt.partition(0), 0, {.max_records = 2}), ElementsAre("0=aaaa", "1=b", "next 2"));
  EXPECT_THAT(read(mqtt.partition(0), 0, {.max_bytes = 7}), ElementsAre("0=aaaa", "1=b", "next 2"));
  EXPECT_THAT(read(mqtt.partition(0), 0, {.max_bytes = 6}), ElementsAre("0=aaaa", "next 1"));
  EXPECT_THAT(read(mqtt.partition(0), 0, {.max_bytes = 1}), ElementsAre("0=aaaa", "next 1"));
}

TEST_F(OffsetServiceTest, ReadOutsideTheBoundsIsRefusedWithTheBounds) {
  append(mqtt.partition(0), "k", "a");
  EXPECT_THAT(read(mqtt.partition(0), 2), ElementsAre(storage::name_of(Errc::offset_out_of_range)));
  ASSERT_TRUE(mqtt.partition(0).delete_records_before(1));
  const auto refused = OffsetService::read(mqtt.partition(0), 0, {}, [](const auto&) {});
  EXPECT_EQ(refused.error().code, Errc::offset_out_of_range);
  EXPECT_THAT(refused.error().message, HasSubstr("offset 0 of mqtt/0 is not there: it keeps 1 up to 1"));
}

TEST_F(OffsetServiceTest, ReadStopsInFrontOfDamageAndThenNamesIt) {
  FakePartition partition;
  for (const char* value : {"a", "b", "c", "d"}) partition.append({{.key = "k", .value = value}});
  partition.damage({1, 3});
  EXPECT_THAT(read(partition, 0), ElementsAre("0=a", "next 1"));
  const auto damaged = OffsetService::read(partition, 1, {}, [](const auto&) {});
  EXPECT_EQ(damaged.error().code, Errc::corrupt);
  EXPECT_EQ(damaged.error().range, (storage::OffsetRange{1, 3}));
  EXPECT_THAT(read(partition, 3), ElementsAre("3=d", "next 4"));
}

TEST_F(OffsetServiceTest, ProducedRecordsAreAnsweredWithTheirOffsetsWhenTheyAreCommitted) {
  append(mqtt.partition(1), "k", "before");
  RecordToProduce at_one = record("a", "x");
  at_one.partition = 1;
  RecordToProduce at_zero = record("a", "y");
  at_zero.partition = 0;
  const auto id = produce({at_one, at_zero, at_one});
  ASSERT_TRUE(id);
  EXPECT_THAT(service.take_produced(), IsEmpty());
  commit();
  const std::vector<Produced> produced = service.take_produced();
  ASSERT_THAT(produced, SizeIs(1));
  EXPECT_EQ(produced[0].id, *id);
  std::vector<std::pair<std::int32_t, Offset>> places;
  for (const ProducedRecord& one : produced[0].records) places.emplace_back(one.partition, one.offset);
  EXPECT_THAT(places, ElementsAre(std::pair(1, 1), std::pair(0, 0), std::pair(1, 2)));
  EXPECT_THAT(read(mqtt.partition(1), 1), ElementsAre("1=x", "2=x", "next 3"));
}

TEST_F(OffsetServiceTest, AKeyGoesWhereAKafkaProducerPutsIt) {
  for (const std::string key : {"plant/1", "plant/2", "plant/3", "plant/4"}) {
    ASSERT_TRUE(produce({record(key, "v")}));
    commit();
    EXPECT_EQ(service.take_produced().at(0).records.at(0).partition, partition_of_key(as_bytes(key), 2)) << key;
  }
}

TEST_F(OffsetServiceTest, RecordsWithoutAKeyTakeThePartitionsInTurn) {
  RecordToProduce keyless;
  keyless.value = as_bytes("v");
  ASSERT_TRUE(produce({keyless, keyless, keyless}));
  commit();
  const std::vector<Produced> produced = service.take_produced();
  ASSERT_THAT(produced, SizeIs(1));
  std::vector<std::int32_t> partitions;
  for (const ProducedRecord& one : produced[0].records) partitions.push_back(one.partition);
  EXPECT_THAT(partitions, ElementsAre(0, 1, 0));
}

TEST_F(OffsetServiceTest, WhatMayNotBeProducedIsRefusedWhole) {
  const Timestamp now = world.clock.now().wall_ms;
  RecordToProduce elsewhere = record("k", "v");
  elsewhere.partition = 2;
  RecordToProduce far_ahead = record("k", "v");
  far_ahead.timestamp = now + 3'600'001;
  RecordToProduce forged = record("k", "v");
  forged.headers = {{"mqtt.qos2", as_bytes("12345678901234")}};
  for (const RecordToProduce& bad : {elsewhere, far_ahead, forged}) {
    EXPECT_EQ(produce({record("k", "v"), bad}).error().code, Errc::invalid_argument);
  }
  EXPECT_EQ(produce({}).error().code, Errc::invalid_argument);
  const std::vector<RecordToProduce> one{record("k", "v")};
  EXPECT_EQ(service.produce(internal, one, now).error().code, Errc::invalid_argument);
  EXPECT_EQ(world.committer->run_once(), 0U);
}

TEST_F(OffsetServiceTest, ACommitterThatTakesNoMoreIsTheAnswersError) {
  world.committer->stop();
  ASSERT_TRUE(produce({record("k", "v")}));
  const auto produced = service.take_produced();
  ASSERT_THAT(produced, SizeIs(1));
  ASSERT_NE(produced[0].records.at(0).error, nullptr);
  EXPECT_EQ(produced[0].records[0].error->code, Errc::closed);
  EXPECT_EQ(produced[0].records[0].offset, -1);
}

TEST_F(OffsetServiceTest, AWaiterWakesOnceWhenItsPositionIsCommitted) {
  const PartitionPosition position{&mqtt.partition(0), 1};
  const WaiterId id = service.wait({&position, 1});
  append(mqtt.partition(1), "k", "elsewhere");
  append(mqtt.partition(0), "k", "below");
  EXPECT_THAT(service.take_woken(), IsEmpty());
  append(mqtt.partition(0), "k", "here");
  EXPECT_THAT(service.take_woken(), ElementsAre(id));
  append(mqtt.partition(0), "k", "later");
  EXPECT_THAT(service.take_woken(), IsEmpty());
  EXPECT_EQ(service.waiter_count(), 0U);
}

TEST_F(OffsetServiceTest, AWaiterOfSeveralPartitionsWakesForAnyOfThem) {
  const std::vector<PartitionPosition> positions{{&mqtt.partition(0), 0}, {&mqtt.partition(1), 0}};
  const WaiterId first = service.wait(positions);
  const WaiterId cancelled = service.wait(positions);
  service.cancel(cancelled);
  append(mqtt.partition(1), "k", "v");
  EXPECT_THAT(service.take_woken(), ElementsAre(first));
  EXPECT_EQ(service.waiter_count(), 0U);
}

TEST_F(OffsetServiceTest, APartitionThatIsAddedWakesEverybody) {
  const PartitionPosition position{&mqtt.partition(0), 0};
  const WaiterId id = service.wait({&position, 1});
  world.create_log("later", 1);
  append(mqtt.partition(1), "k", "v");
  EXPECT_THAT(service.take_woken(), ElementsAre(id));
}

class GroupTest : public OffsetServiceTest {
 protected:
  storage::Result<> put(const std::string& group, Offset offset, std::int32_t partition = 0, std::string log = "mqtt") {
    storage::GroupOffset committed;
    committed.log = std::move(log);
    committed.partition = partition;
    committed.offset = offset;
    return service.commit_group(group, {committed}, world.clock.now().wall_ms);
  }
};

TEST_F(GroupTest, AnOffsetIsKeptWithItsTimeAndItsLag) {
  for (int i = 0; i < 5; ++i) append(mqtt.partition(0), "k", "v");
  ASSERT_TRUE(put("billing", 2));
  EXPECT_THAT(*service.groups(), ElementsAre("billing"));
  const auto positions = service.group_positions("billing");
  ASSERT_THAT(*positions, SizeIs(1));
  EXPECT_EQ(positions->front().committed.offset, 2);
  EXPECT_EQ(positions->front().committed.committed_at, world.clock.now().wall_ms);
  EXPECT_EQ(positions->front().lag, 3);
}

TEST_F(GroupTest, WhatRetentionTookIsNoLag) {
  for (int i = 0; i < 5; ++i) append(mqtt.partition(0), "k", "v");
  ASSERT_TRUE(put("billing", 0));
  ASSERT_TRUE(mqtt.partition(0).delete_records_before(4));
  EXPECT_EQ(service.group_positions("billing")->front().lag, 1);
}

TEST_F(GroupTest, OffsetsThatCannotBeAreRefused) {
  append(mqtt.partition(0), "k", "v");
  EXPECT_TRUE(put("g", 1));
  EXPECT_EQ(put("g", 2).error().code, Errc::invalid_argument);
  EXPECT_EQ(put("g", -1).error().code, Errc::invalid_argument);
  EXPECT_EQ(put("g", 0, 9).error().code, Errc::not_found);
  EXPECT_EQ(put("g", 0, 0, "nope").error().code, Errc::not_found);
  EXPECT_EQ(put("", 0).error().code, Errc::invalid_argument);
  EXPECT_EQ(put(std::string(256, 'g'), 0).error().code, Errc::invalid_argument);
}

TEST_F(GroupTest, AGroupThatIsRemovedIsGone) {
  ASSERT_TRUE(put("g", 0));
  ASSERT_TRUE(service.remove_group("g"));
  EXPECT_EQ(service.group_positions("g").error().code, Errc::not_found);
  EXPECT_EQ(service.remove_group("g").error().code, Errc::not_found);
}

}  // namespace
}  // namespace bitacora::bridge
