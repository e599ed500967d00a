// The parts of `replay` that stand alone: merging, record text, the progress bar, "did you mean".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "merged_replay.h"
#include "nearest_name.h"
#include "progress_bar.h"
#include "record_text.h"

namespace bitacora::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Partitions in memory; a read gives one record. A negative time stands for a record that cannot be read.
class ScriptedSource final : public LogSource {
 public:
  explicit ScriptedSource(std::vector<std::vector<Timestamp>> partitions) : partitions_(std::move(partitions)) {}

  SourceResult<ReadPart> read(const std::string&, std::int32_t partition, storage::Offset from,
                              const RecordSink& sink) override {
    const auto& times = partitions_.at(static_cast<std::size_t>(partition));
    if (from >= static_cast<storage::Offset>(times.size())) return ReadPart{from};
    const Timestamp time = times[static_cast<std::size_t>(from)];
    if (time < 0) return ReadPart{from + 1, "offset " + std::to_string(from)};
    const std::string key = std::to_string(time);
    storage::RecordView record;
    record.offset = from;
    record.timestamp = time;
    record.key = as_bytes(key);
    sink(record);
    return ReadPart{from + 1};
  }
  SourceResult<ReadPart> search(const std::string& log, std::int32_t partition, storage::Offset from,
                                const std::string& filter, const RecordSink& sink) override {
    return read(log, partition, from, [&](const storage::RecordView& record) {
      if (as_text(*record.key) == filter) sink(record);
    });
  }
  SourceResult<std::vector<std::string>> logs() override { return SourceFailure("not asked"); }
  SourceResult<std::vector<PartitionInfo>> partitions(const std::string&) override {
    return SourceFailure("not asked");
  }
  SourceResult<storage::Offset> resolve(const std::string&, const PartitionInfo&, const bridge::StartPosition&,
                                        Timestamp) override {
    return SourceFailure("not asked");
  }
  SourceResult<std::vector<std::string>> groups() override { return SourceFailure("not asked"); }
  SourceResult<std::vector<GroupPartition>> group(const std::string&) override { return SourceFailure("not asked"); }

 private:
  std::vector<std::vector<Timestamp>> partitions_;
};

std::vector<std::string> keys_of(MergedReplay& replay) {
  std::vector<std::string> keys;
  while (true) {
    const auto step = replay.next();
    EXPECT_TRUE(step);
    if (!step || !*step) return keys;
    keys.emplace_back(as_text(*(*step)->record.key));
  }
}

TEST(MergedReplay, WithAFilterAsksForNothingElse) {
  ScriptedSource source({{1, 4, -1, 6}, {4, 3}});
  MergedReplay replay(source, "log", {{0, 0, 4}, {1, 0, 2}}, "4");
  EXPECT_THAT(keys_of(replay), ElementsAre("4", "4"));
  EXPECT_THAT(replay.take_damage(), ElementsAre("offset 2"));
}

TEST(MergedReplay, OrdersPartitionsByTimeAndKeepsEachPartitionsOwnOrder) {
  ScriptedSource source({{1, 5, 4, 9}, {2, 3, 8}, {}});
  MergedReplay replay(source, "log", {{0, 0, 4}, {1, 0, 3}, {2, 0, 0}});
  EXPECT_EQ(replay.total(), 7U);
  EXPECT_THAT(keys_of(replay), ElementsAre("1", "2", "3", "5", "4", "8", "9"));
  EXPECT_EQ(replay.passed(), replay.total());
}

TEST(MergedReplay, KeepsToItsRanges) {
  ScriptedSource source({{1, 2, 3, 4}, {1, 2, 3, 4}});
  MergedReplay replay(source, "log", {{0, 1, 3}, {1, 3, 1}});
  EXPECT_THAT(keys_of(replay), ElementsAre("2", "3"));
}

TEST(MergedReplay, EndsWhereASourceHasLessThanWasThought) {
  ScriptedSource source({{1, 2}});
  MergedReplay replay(source, "log", {{0, 0, 10}});
  EXPECT_THAT(keys_of(replay), ElementsAre("1", "2"));
  EXPECT_EQ(replay.passed(), 10U);
}

TEST(MergedReplay, TellsOfDamageOnce) {
  ScriptedSource source({{1, -1, 3}});
  MergedReplay replay(source, "log", {{0, 0, 3}});
  EXPECT_THAT(keys_of(replay), ElementsAre("1", "3"));
  EXPECT_THAT(replay.take_damage(), ElementsAre("offset 1"));
  EXPECT_THAT(replay.take_damage(), IsEmpty());
}

TEST(RecordText, ShowsWhatIsNoTextAsHexadecimal) {
  EXPECT_EQ(format_bytes_as_text(as_bytes("grün")), "grün");
  EXPECT_EQ(format_bytes_as_text(as_bytes("a\nb")), "0x610a62");
  EXPECT_EQ(format_bytes_as_text(as_bytes("\xff")), "0xff");
  EXPECT_EQ(format_bytes_as_text({}), "");
  storage::RecordView bare;
  bare.offset = 7;
  bare.timestamp = 1;
  EXPECT_EQ(format_record_as_text("log", 2, bare), "1970-01-01T00:00:00.001Z log/2@7 - -");
}

TEST(RecordText, ShowsTimesBeforeTheEpochAndOutOfTheCalendar) {
  EXPECT_EQ(format_timestamp(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_timestamp(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_timestamp(253'402'300'800'000), "253402300800000");
  EXPECT_EQ(format_timestamp(INT64_MIN), "-9223372036854775808");
}

TEST(ProgressBar, ShowsThePartThatIsBehind) {
  EXPECT_EQ(format_progress(500'000, 1'000'000), "[###############...............]  50%  500,000 of 1,000,000");
  EXPECT_EQ(format_progress(0, 1), "[..............................]   0%  0 of 1");
  EXPECT_EQ(format_progress(9, 3), "[##############################] 100%  9 of 3");
}

TEST(NearestName, IsWhatWasProbablyMeant) {
  const std::vector<std::string> names{"partitions", "durability", "name"};
  EXPECT_EQ(nearest_name("partitons", names), "partitions");
  EXPECT_EQ(nearest_name("partiitons", names), "partitions");
  EXPECT_EQ(nearest_name("nam", names), "name");
  EXPECT_EQ(nearest_name("retention", names), std::nullopt);
  EXPECT_EQ(nearest_name("x", names), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(1000, 'x'), names), std::nullopt);
}

}  // namespace
}  // namespace bitacora::app
