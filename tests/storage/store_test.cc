#include "storage/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class StoreTest : public testing::Test, public LogWorld {};

TEST_F(StoreTest, what_was_appended_is_read_and_is_there_after_a_clean_restart) {
  open();
  EXPECT_EQ(append({"a", "b"}), 0);
  EXPECT_EQ(append({"c"}), 2);
  EXPECT_THAT(values(), ElementsAre("a", "b", "c"));
  close();
  open();
  EXPECT_TRUE(store().recovery_report().clean_shutdown);
  EXPECT_EQ(recovery().scanned_bytes, 0U);
  EXPECT_EQ(partition().leader_epoch(), 0);
  EXPECT_THAT(values(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(append({"d"}), 3);
  EXPECT_THAT(values(1), ElementsAre("b", "c", "d"));
}

TEST_F(StoreTest, what_was_acknowledged_is_there_after_a_kill_and_the_epoch_rises) {
  open();
  append({"a", "b"});
  kill();
  open();
  EXPECT_FALSE(store().recovery_report().clean_shutdown);
  EXPECT_THAT(values(), ElementsAre("a", "b"));
  EXPECT_EQ(partition().leader_epoch(), 1);
  append({"c"});
  kill();
  open();
  EXPECT_EQ(partition().leader_epoch(), 2);
  EXPECT_THAT(values(), ElementsAre("a", "b", "c"));
}

TEST_F(StoreTest, a_second_store_on_the_directory_is_refused) {
  open();
  const auto second = Store::open(*disk, clock, *catalog, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::locked);
}

TEST_F(StoreTest, a_directory_of_a_newer_format_is_refused_and_left_alone) {
  ASSERT_TRUE(disk->create_directories("data"));
  overwrite("data/format-version", as_bytes("bitacora 2\n"));
  const auto store = Store::open(*disk, clock, *catalog, options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::unsupported_format);
  EXPECT_THAT(files("data"), ElementsAre(".lock", "format-version"));
}

TEST_F(StoreTest, a_log_that_the_catalog_does_not_know_is_adopted_with_its_records_and_its_id) {
  open();
  append({"a"});
  const std::string id = store().find_log("x")->topic_id();
  close();
  catalog = *Catalog::open(":memory:");
  open();
  EXPECT_THAT(values(), ElementsAre("a"));
  EXPECT_EQ(store().find_log("x")->topic_id(), id);
  EXPECT_THAT(store().recovery_report().notes, Contains(testing::HasSubstr("adopted")));
  EXPECT_EQ(catalog->logs()->size(), 1U);
}

TEST_F(StoreTest, opened_read_only_it_changes_nothing_on_disk_and_needs_no_lock) {
  open();
  append({"a"});
  const Bytes log = file("data/x-0/00000000000000000000.log");
  const std::vector<std::string> before = files();
  StoreOptions read_only = options;
  read_only.policy = OpenPolicy::read_only;
  auto store = Store::open(*disk, clock, *catalog, read_only);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->find_log("x")->partition(0).offsets().committed, 1);
  EXPECT_FALSE((*store)->create_log("y", {}));
  EXPECT_TRUE((*store)->close());
  EXPECT_EQ(files(), before);
  EXPECT_EQ(file("data/x-0/00000000000000000000.log"), log);
}

TEST_F(StoreTest, settings_change_and_partitions_are_added_but_never_taken_away) {
  open();
  LogSettings settings = store().find_log("x")->settings();
  settings.partitions = 3;
  settings.retention_bytes = 1000;
  ASSERT_TRUE(store().change_settings("x", settings));
  EXPECT_EQ(store().find_log("x")->partition_count(), 3);
  EXPECT_EQ(append({"c"}, 2), 0);
  settings.partitions = 2;
  EXPECT_EQ(store().change_settings("x", settings).error().code, Errc::invalid_argument);
  kill();
  open();
  EXPECT_EQ(store().find_log("x")->settings().retention_bytes, 1000);
  EXPECT_THAT(values(0, 2), ElementsAre("c"));
}

TEST_F(StoreTest, a_log_is_created_once_and_under_a_legal_name) {
  open();
  EXPECT_EQ(store().create_log("x", {}).error().code, Errc::already_exists);
  EXPECT_EQ(store().create_log("a/b", {}).error().code, Errc::invalid_argument);
  EXPECT_EQ(store().find_log("y"), nullptr);
  ASSERT_TRUE(store().create_log("__state", LogWorld::one_partition()));
  EXPECT_TRUE(store().find_log("__state")->is_internal());
}

TEST_F(StoreTest, two_logs_have_their_own_partitions_under_one_dense_index) {
  open();
  LogSettings settings;
  settings.partitions = 3;
  ASSERT_TRUE(store().create_log("y", settings));
  ASSERT_EQ(store().partition_count(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(store().partition(PartitionIndex(i)).index().value(), i);
}

TEST_F(StoreTest, a_clean_mark_that_does_not_fit_the_files_is_not_believed) {
  open();
  append({"a"});
  close();
  Bytes log = file("data/x-0/00000000000000000000.log");
  log.push_back(std::byte{0});
  overwrite("data/x-0/00000000000000000000.log", log);
  open();
  EXPECT_GT(recovery().scanned_bytes, 0U);
  EXPECT_THAT(values(), ElementsAre("a"));
}

TEST_F(StoreTest, a_closed_store_takes_no_appends) {
  open();
  append({"a"});
  ASSERT_TRUE(store().close());
  const AppendOutcome outcome = try_append({"b"});
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, Errc::closed);
  EXPECT_FALSE(store().create_log("y", {}));
}

}  // namespace
}  // namespace bitacora::storage
