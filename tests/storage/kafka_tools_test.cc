// Another implementation of the format reads what this one wrote: kafka-python's MemoryRecords (Debian's
// python3-kafka).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <map>

#include "storage/log_world.h"
#include "storage/posix_file_system.h"

namespace bitacora::storage {
namespace {

constexpr const char* reader = R"(
import sys
from kafka.record import MemoryRecords
for path in sys.argv[1:]:
    records = MemoryRecords(open(path, 'rb').read())
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc(), path
        for r in batch:
            headers = ','.join('%s=%s' % (k, v.decode()) for k, v in r.headers)
            print(r.offset, r.timestamp, r.key.decode(), r.value and r.value.decode(), headers)
)";

std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
  return output;
}

// What the reader prints of all segments in `directory`.
std::string read_by_kafka_python(const std::filesystem::path& directory) {
  const std::filesystem::path script = directory / "read.py";
  FILE* file = std::fopen(script.c_str(), "w");
  EXPECT_NE(file, nullptr);
  std::fputs(reader, file);
  std::fclose(file);
  return run("/usr/bin/python3 " + script.string() + " " + (directory / "x-0").string() + "/*.log 2>&1");
}

TEST(KafkaTools, kafka_python_reads_sealed_and_closed_segments_and_agrees_on_every_crc) {
  const std::filesystem::path directory = std::filesystem::path(testing::TempDir()) / "bitacora_kafka_tools_test";
  std::filesystem::remove_all(directory);
  const auto disk = make_posix_file_system();
  const VirtualClock clock;
  const auto catalog = *Catalog::open(":memory:");
  const auto opened = Store::open(*disk, clock, *catalog, {.directory = directory.string()});
  ASSERT_TRUE(opened) << opened.error().message;
  Store& store = **opened;
  LogSettings settings = LogWorld::one_partition();
  settings.segment_bytes = 4096;
  Log& log = **store.create_log("x", settings);
  Committer committer(store, clock, {});
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string value = "value " + std::to_string(i) + std::string(static_cast<std::size_t>(i), '.');
    const HeaderView header{"n", as_bytes(value).first(6)};
    BatchBuilder builder;
    builder.add({.offset = 0,
                 .timestamp = 1'700'000'000'000 + i,
                 .key = as_bytes("a/b"),
                 .value = as_bytes(value),
                 .headers = std::span(&header, 1)});
    ASSERT_TRUE(committer.submit({.partition = &log.partition(0), .batch = builder.take()}));
    committer.run_once();
    expected += std::to_string(i) + " " + std::to_string(1'700'000'000'000 + i) + " a/b " + value + " n=value \n";
  }
  ASSERT_GT(log.partition(0).segment_count(), 2);
  ASSERT_TRUE(store.close());
  EXPECT_EQ(read_by_kafka_python(directory), expected);
  std::filesystem::remove_all(directory);
}

TEST(KafkaTools, kafka_python_reads_compacted_segments_and_agrees_on_every_crc) {
  const std::filesystem::path directory = std::filesystem::path(testing::TempDir()) / "bitacora_kafka_compacted_test";
  std::filesystem::remove_all(directory);
  const auto disk = make_posix_file_system();
  VirtualClock clock;
  const auto catalog = *Catalog::open(":memory:");
  const auto opened = Store::open(*disk, clock, *catalog, {.directory = directory.string()});
  ASSERT_TRUE(opened) << opened.error().message;
  Store& store = **opened;
  LogSettings settings = LogWorld::one_partition();
  settings.cleanup = Cleanup::compact;
  settings.segment_bytes = 2048;
  settings.segment_age = std::chrono::hours(1);
  Log& log = **store.create_log("x", settings);
  Committer committer(store, clock, {});
  std::map<std::string, std::string> last;  // by key: the line that the reader prints
  const auto add = [&](BatchBuilder& builder, Offset offset, const std::string& key, const std::string& value) {
    builder.add({.offset = 0,
                 .timestamp = clock.now().wall_ms,
                 .key = as_bytes(key),
                 .value = value.empty() ? std::nullopt : std::optional(as_bytes(value)),
                 .headers = {}});
    last[key] = std::to_string(offset) + " " + std::to_string(clock.now().wall_ms) + " " + key + " " +
                (value.empty() ? "None" : value) + " \n";
  };
  for (Offset offset = 0; offset < 300; offset += 3) {
    BatchBuilder builder;
    add(builder, offset, "one", "first");
    add(builder, offset + 1, "key" + std::to_string(offset % 7), std::string(40, '.'));
    add(builder, offset + 2, "deleted" + std::to_string(offset % 5), "");
    ASSERT_TRUE(committer.submit({.partition = &log.partition(0), .batch = builder.take()}));
    committer.run_once();
    clock.advance(std::chrono::seconds(1));
  }
  const std::uint64_t before = log.partition(0).size_bytes();
  clock.advance(std::chrono::hours(2));
  ASSERT_TRUE(store.run_housekeeping());  // rolls, since the first record is old, and compacts all
  EXPECT_LT(log.partition(0).size_bytes() * 4, before);
  ASSERT_TRUE(store.close());
  std::map<Offset, std::string> expected;
  for (const auto& [key, line] : last) expected[std::stoll(line)] = line;
  std::string text;
  for (const auto& [offset, line] : expected) text += line;
  EXPECT_EQ(read_by_kafka_python(directory), text);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace bitacora::storage
