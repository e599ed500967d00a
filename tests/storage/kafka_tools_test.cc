// Another implementation of the format reads what this one wrote: kafka-python's MemoryRecords (Debian's
// python3-kafka).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>

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
            print(r.offset, r.timestamp, r.key.decode(), r.value.decode(), headers)
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
  const std::filesystem::path script = directory / "read.py";
  FILE* file = std::fopen(script.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(reader, file);
  std::fclose(file);
  EXPECT_EQ(run("/usr/bin/python3 " + script.string() + " " + (directory / "x-0").string() + "/*.log 2>&1"), expected);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace bitacora::storage
