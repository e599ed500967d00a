// The subcommands from the command line to what they print, on a data directory that the storage library made.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/command_line.h"
#include "http/server.h"
#include "storage/committer.h"
#include "storage/posix_file_system.h"
#include "storage/store.h"

namespace bitacora::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;

  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream stream(out);
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    return all;
  }
};

Outcome bitacora(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv{"bitacora"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.status = run(static_cast<int>(argv.size()), argv.data());
  std::fflush(stdout);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

constexpr std::streamoff record_batch_size = 95;  // of make_readings' first record
constexpr Timestamp start_ms = 1'700'000'000'000;

class CommandTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitacora-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    open();
  }

  void TearDown() override {
    close();
    std::filesystem::remove_all(directory_);
  }

  void open() {
    catalog_ = std::move(*storage::Catalog::open(directory_ + "/catalog.db"));
    store_ = std::move(*storage::Store::open(*files_, clock_, *catalog_, {.directory = directory_}));
    committer_ = std::make_unique<storage::Committer>(*store_, clock_, storage::CommitterOptions{});
  }

  void close() {
    if (store_ == nullptr) return;
    committer_.reset();
    EXPECT_TRUE(store_->close());
    store_.reset();
    catalog_.reset();
  }

  void make_log(const std::string& name, std::int32_t partitions) {
    storage::LogSettings settings;
    settings.partitions = partitions;
    ASSERT_TRUE(store_->create_log(name, settings));
  }

  // A batch of one record.
  void append(const std::string& log, std::int32_t partition, std::string_view topic, std::string_view value) {
    const storage::HeaderView header{"site", as_bytes("north")};
    storage::RecordView record;
    record.timestamp = clock_.now().wall_ms;
    record.key = as_bytes(topic);
    record.value = as_bytes(value);
    record.headers = {&header, 1};
    storage::BatchBuilder builder;
    builder.add(record);
    storage::AppendRequest request;
    request.partition = &store_->find_log(log)->partition(partition);
    request.batch = builder.take();
    ASSERT_TRUE(committer_->submit(std::move(request)));
    committer_->run_once();
    clock_.advance(std::chrono::seconds(1));
  }

  void commit_group(const std::string& group, std::int32_t partition, storage::Offset offset) {
    storage::GroupOffset committed;
    committed.log = "mqtt";
    committed.partition = partition;
    committed.offset = offset;
    ASSERT_TRUE(catalog_->put_group_offsets(group, {committed}));
  }

  // Four records, one a second, over two partitions.
  void make_readings() {
    make_log("mqtt", 2);
    append("mqtt", 0, "plant/1/temp", "20.5");
    append("mqtt", 1, "plant/2/temp", "21.5");
    append("mqtt", 0, "plant/1/door", std::string("\x00\xff", 2));
    append("mqtt", 1, "plant/2/temp", "22.5");
  }

  [[nodiscard]] std::string segment(int partition) const {
    return fmt::format("{}/mqtt-{}/00000000000000000000.log", directory_, partition);
  }

  static void flip_byte(const std::string& path, std::streamoff position) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(position);
    const int byte = file.get();
    file.seekp(position);
    file.put(static_cast<char>(byte ^ 1));
    ASSERT_TRUE(file.flush());
  }

  std::string directory_;
  VirtualClock clock_{start_ms};
  std::unique_ptr<storage::FileSystem> files_ = storage::make_posix_file_system();
  std::unique_ptr<storage::Catalog> catalog_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Committer> committer_;
};

TEST_F(CommandTest, ReplayPrintsAllPartitionsInTheOrderOfTime) {
  make_readings();
  close();
  const auto outcome = bitacora({"replay", "--data", directory_});
  EXPECT_EQ(outcome.status, exit_ok);
  EXPECT_THAT(outcome.lines(), ElementsAre("2023-11-14T22:13:20.000Z mqtt/0@0 plant/1/temp 20.5",
                                           "2023-11-14T22:13:21.000Z mqtt/1@0 plant/2/temp 21.5",
                                           "2023-11-14T22:13:22.000Z mqtt/0@1 plant/1/door 0x00ff",
                                           "2023-11-14T22:13:23.000Z mqtt/1@1 plant/2/temp 22.5"));
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(CommandTest, ReplayWorksWhileAServerRunsOnTheDirectory) {
  make_readings();
  EXPECT_THAT(bitacora({"replay", "--data", directory_}).lines(), SizeIs(4));
}

TEST_F(CommandTest, ReplayPrintsJsonThatKeepsEveryByte) {
  make_readings();
  EXPECT_THAT(bitacora({"replay", "--data", directory_, "--partition", "0", "--format", "json"}).lines(),
              ElementsAre(R"({"log":"mqtt","partition":0,"offset":0,"timestamp":1700000000000,"key":"plant/1/temp",)"
                          R"("value":"20.5","headers":[{"name":"site","value":"north"}]})",
                          R"({"log":"mqtt","partition":0,"offset":1,"timestamp":1700000002000,"key":"plant/1/door",)"
                          R"("value":{"hex":"00ff"},"headers":[{"name":"site","value":"north"}]})"));
}

TEST_F(CommandTest, ReplayTakesItsPartByOffsetTimeFilterAndCount) {
  make_readings();
  const auto count = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"replay", "--data", directory_});
    return bitacora(arguments).lines().size();
  };
  EXPECT_EQ(count({"--from", "1"}), 2U);
  EXPECT_EQ(count({"--to", "1"}), 2U);
  EXPECT_EQ(count({"--from", "@1700000001000"}), 3U);
  EXPECT_EQ(count({"--from", "@2023-11-14T22:13:21Z", "--to", "@2023-11-14T22:13:23Z"}), 2U);
  EXPECT_EQ(count({"--from", "latest"}), 0U);
  EXPECT_EQ(count({"--from=-1h"}), 0U);
  EXPECT_EQ(count({"--filter", "plant/+/temp"}), 3U);
  EXPECT_EQ(count({"--filter", "plant/2/#"}), 2U);
  EXPECT_EQ(count({"--limit", "3"}), 3U);
  EXPECT_EQ(count({"--limit", "0"}), 0U);
}

TEST_F(CommandTest, ReplaySaysWhatIsWrongWithItsArguments) {
  make_readings();
  const auto complaint = [&](const std::string& option, const std::string& value) {
    const auto outcome = bitacora({"replay", "--data", directory_, option, value});
    EXPECT_EQ(outcome.status, exit_failed) << option;
    EXPECT_THAT(outcome.out, IsEmpty());
    return outcome.err;
  };
  EXPECT_THAT(complaint("--log", "mqt"), HasSubstr("there is no log \"mqt\"; there are: mqtt"));
  EXPECT_THAT(complaint("--partition", "2"), HasSubstr("has no partition 2; it has 2, numbered from 0"));
  EXPECT_THAT(complaint("--from", "yesterday"), HasSubstr("--from yesterday: "));
  EXPECT_THAT(complaint("--to", "@tomorrow"), HasSubstr("--to @tomorrow: "));
  EXPECT_THAT(complaint("--filter", "a/#/b"), HasSubstr("is no MQTT topic filter"));
  EXPECT_EQ(bitacora({"replay", "--data", directory_, "--format", "xml"}).status, exit_usage);
  EXPECT_EQ(bitacora({"replay", "--data", directory_, "--url", "http://127.0.0.1"}).status, exit_usage);
  EXPECT_THAT(bitacora({"replay", "--data", directory_ + "/none"}).err, HasSubstr("there is no directory"));
}

TEST_F(CommandTest, ReplayPassesOverDamageAndSaysSo) {
  make_readings();
  close();
  flip_byte(segment(0), 100);  // in the first batch of partition 0
  const auto outcome = bitacora({"replay", "--data", directory_});
  EXPECT_EQ(outcome.status, exit_failed);
  EXPECT_THAT(outcome.lines(), SizeIs(3));
  EXPECT_THAT(outcome.err, HasSubstr("passed over"));
}

TEST_F(CommandTest, LogsAndGroupsListTheirOffsets) {
  make_readings();
  commit_group("team", 1, 1);
  close();
  const auto logs = bitacora({"logs", "--data", directory_}).lines();
  ASSERT_THAT(logs, SizeIs(3));
  EXPECT_THAT(logs[2], testing::MatchesRegex("mqtt +1 +0 +2 +2"));
  const auto groups = bitacora({"groups", "--data", directory_}).lines();
  ASSERT_THAT(groups, SizeIs(2));
  EXPECT_THAT(groups[1], testing::MatchesRegex("team +mqtt +1 +1 +1"));
  EXPECT_EQ(bitacora({"groups", "--data", directory_, "team"}).lines(), groups);
  EXPECT_THAT(bitacora({"groups", "--data", directory_, "nobody"}).err, HasSubstr("there is no group \"nobody\""));
}

TEST_F(CommandTest, AsksARunningServerForTheSame) {
  make_readings();
  commit_group("team", 0, 2);
  SystemClock real;
  bridge::BrokerMetrics metrics;
  http::Server server(*store_, *committer_, *catalog_, real, metrics, {});
  committer_->add_listener(server.listener());
  ASSERT_TRUE(server.start());
  const std::string url = fmt::format("http://127.0.0.1:{}", server.port());
  for (const std::vector<std::string>& command : {std::vector<std::string>{"replay", "--format", "json"},
                                                  {"replay", "--from", "1"},
                                                  {"replay", "--to", "@1700000001000"},
                                                  {"replay", "--from=-1h"},
                                                  {"replay", "--log", "mqtt", "--filter", "plant/1/#"},
                                                  {"logs"},
                                                  {"groups"},
                                                  {"groups", "team"}}) {
    auto from_directory = command;
    from_directory.insert(from_directory.end(), {"--data", directory_});
    auto from_server = command;
    from_server.insert(from_server.end(), {"--url", url});
    const auto expected = bitacora(from_directory);
    const auto got = bitacora(from_server);
    EXPECT_EQ(got.out, expected.out) << command[0];
    EXPECT_EQ(got.status, exit_ok) << got.err;
  }
  const auto unknown = bitacora({"replay", "--url", url, "--log", "mqt"});
  EXPECT_EQ(unknown.status, exit_failed);
  EXPECT_THAT(unknown.err, HasSubstr("mqt"));
  server.stop();
  EXPECT_THAT(bitacora({"logs", "--url", url}).err, HasSubstr("does not answer"));
}

TEST_F(CommandTest, AUrlThatIsNoServersIsRefused) {
  for (const std::string url :
       {"127.0.0.1:8080", "https://127.0.0.1", "http://", "http://127.0.0.1/topics", "ftp://x"}) {
    const auto outcome = bitacora({"logs", "--url", url});
    EXPECT_EQ(outcome.status, exit_failed) << url;
    EXPECT_THAT(outcome.err, HasSubstr("write it as in http://127.0.0.1:8080")) << url;
  }
}

TEST_F(CommandTest, DumpPrintsBatchesAndRecords) {
  make_readings();
  close();
  const auto batches = bitacora({"dump", segment(1)});
  EXPECT_EQ(batches.status, exit_ok);
  ASSERT_THAT(batches.lines(), SizeIs(3));
  EXPECT_EQ(batches.lines()[0], segment(1));
  EXPECT_THAT(batches.lines()[1], AllOf(HasSubstr("position 0 offsets 0..0 records 1"), HasSubstr("commit mark yes"),
                                        HasSubstr("2023-11-14T22:13:21.000Z")));
  EXPECT_THAT(bitacora({"dump", segment(1), "--records"}).out,
              AllOf(HasSubstr("@1 2023-11-14T22:13:23.000Z key plant/2/temp value 22.5"), HasSubstr("site = north")));
  EXPECT_THAT(bitacora({"dump", directory_}).out, AllOf(HasSubstr(segment(0)), HasSubstr(segment(1))));
}

TEST_F(CommandTest, DumpShowsZerosWrittenAheadAndWhereABatchIsBroken) {
  make_readings();
  EXPECT_THAT(bitacora({"dump", segment(0)}).out, HasSubstr("zeros written ahead"));
  close();
  flip_byte(segment(0), 70);  // in the first batch
  const auto outcome = bitacora({"dump", segment(0)});
  EXPECT_EQ(outcome.status, exit_failed);
  EXPECT_THAT(outcome.out, HasSubstr("position 0: "));
}

TEST_F(CommandTest, VerifySaysThatAllIsInOrder) {
  make_readings();
  close();
  for (const auto& path : {directory_, segment(0)}) {
    const auto outcome = bitacora({"verify", path});
    EXPECT_EQ(outcome.status, exit_ok) << outcome.out << outcome.err;
    EXPECT_THAT(outcome.lines().back(), StartsWith(path + ": in order: "));
  }
  EXPECT_THAT(bitacora({"verify", directory_}).lines().back(), HasSubstr("4 records in 4 batches"));
}

TEST_F(CommandTest, VerifyFindsAFlippedBitWhereverItIsAndChangesNothing) {
  make_readings();
  close();
  // The leader epoch is not under the CRC: a lone file cannot show it wrong, its directory can.
  const auto is_of_epoch = [](std::streamoff position) { return position % record_batch_size / 4 == 3; };
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(segment(0)));
  ASSERT_EQ(size, 2 * record_batch_size - 2);  // its second value is two bytes shorter
  for (std::streamoff position = 0; position < size; position += 7) {
    flip_byte(segment(0), position);
    std::vector<std::string> paths{directory_};
    if (!is_of_epoch(position)) paths.push_back(segment(0));
    for (const auto& path : paths) {
      const auto outcome = bitacora({"verify", path});
      EXPECT_EQ(outcome.status, exit_failed) << path << " at " << position << ": " << outcome.out;
      EXPECT_THAT(outcome.out, HasSubstr("DAMAGED")) << path << " at " << position;
    }
    flip_byte(segment(0), position);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  EXPECT_EQ(bitacora({"verify", directory_}).status, exit_ok);
}

TEST_F(CommandTest, WhatIsNotThereIsToldByItsName) {
  for (const std::string command : {"dump", "verify"}) {
    const auto outcome = bitacora({command, directory_ + "/none"});
    EXPECT_EQ(outcome.status, exit_failed);
    EXPECT_THAT(outcome.err, AllOf(StartsWith("bitacora " + command + ": "), HasSubstr("/none")));
  }
}

TEST_F(CommandTest, ConfigCheckNamesEveryMistakeAndPrintsTheWhole) {
  const std::string file = directory_ + "/x.toml";
  std::ofstream(file) << "shards = -1\nport = 1\n";
  const auto wrong = bitacora({"config-check", file});
  EXPECT_EQ(wrong.status, exit_failed);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr(file + ":1:10: shards must be"), HasSubstr(file + ":2:1: unknown option port"),
                               HasSubstr(file + ": 2 mistakes")));
  std::ofstream(file) << "shards = 3\n";
  EXPECT_EQ(bitacora({"config-check", file}).out, file + ": in order\n");
  EXPECT_THAT(bitacora({"config-check", file, "--print"}).out, AllOf(HasSubstr("shards = 3"), HasSubstr("[[logs]]")));
  std::ofstream(file) << "[[listeners]]\nprotocol = \"mqtt\"\naddress = \"0.0.0.0\"\nport = 1883\n";
  EXPECT_THAT(bitacora({"config-check", file}).err, HasSubstr("can be reached from other machines"));
}

TEST(CommandLine, TellsItsUseAndRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(bitacora({"--version"}).status, exit_ok);
  EXPECT_THAT(bitacora({"--version"}).out, StartsWith("bitacora "));
  const auto help = bitacora({"--help"});
  EXPECT_EQ(help.status, exit_ok);
  for (const auto* command : {"serve", "logs", "groups", "dump", "verify", "replay", "config-check"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
    EXPECT_EQ(bitacora({command, "--no-such-option"}).status, exit_usage);
  }
  EXPECT_EQ(bitacora({}).status, exit_usage);
  EXPECT_EQ(bitacora({"sevre"}).status, exit_usage);
}

}  // namespace
}  // namespace bitacora::app
