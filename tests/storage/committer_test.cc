#include "storage/committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "storage/log_world.h"

namespace bitacora::storage {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class CommitterTest : public testing::Test, public LogWorld {
 protected:
  AppendRequest request(const std::vector<std::string>& values, std::uint32_t origin, std::uint64_t id) {
    return {.partition = &partition(), .batch = batch(values), .origin = origin, .id = id};
  }
};

TEST_F(CommitterTest, one_round_takes_all_that_is_queued_and_answers_each_request_once) {
  open();
  ASSERT_TRUE(committer().submit(request({"a", "b"}, 1, 10)));
  ASSERT_TRUE(committer().submit(request({"c"}, 2, 20)));
  ASSERT_TRUE(committer().submit(request({"d"}, 1, 11)));
  EXPECT_EQ(committer().run_once(), 3U);
  ASSERT_THAT(notices, SizeIs(1));
  const CommitNotice& notice = *notices[0];
  ASSERT_THAT(notice.outcomes, SizeIs(3));
  EXPECT_EQ(notice.outcomes[0].id, 10U);
  EXPECT_EQ(notice.outcomes[0].base_offset, 0);
  EXPECT_EQ(notice.outcomes[1].origin, 2U);
  EXPECT_EQ(notice.outcomes[1].base_offset, 2);
  EXPECT_EQ(notice.outcomes[2].base_offset, 3);
  ASSERT_THAT(notice.batches, SizeIs(3));
  EXPECT_EQ(notice.batches[1].base_offset, 2);
  EXPECT_EQ(notice.batches[1].next_offset, 3);
  const auto sealed = BatchView::check(notice.batches[2].bytes);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->base_offset(), 3);
  EXPECT_EQ(committer().run_once(), 0U);
}

TEST_F(CommitterTest, the_first_batch_of_a_round_carries_the_commit_mark_and_no_other) {
  open();
  submit({"a"});
  submit({"b"});
  committer().run_once();
  append({"c"});
  std::vector<bool> marks;
  const Bytes bytes = partition().read(0, 10000)->bytes;
  for (ByteView rest = bytes; !rest.empty(); rest = rest.subspan(*BatchView::claimed_size(rest))) {
    marks.push_back(BatchView::check(rest)->has_commit_mark());
  }
  EXPECT_THAT(marks, ElementsAre(true, false, true));
}

TEST_F(CommitterTest, an_async_log_is_marked_only_behind_a_background_sync) {
  open();
  LogSettings settings = store().find_log("x")->settings();
  settings.durability = Durability::async;
  ASSERT_TRUE(store().change_settings("x", settings));
  const auto marked = [this](Offset offset) {
    return BatchView::check(partition().read(offset, 1)->bytes)->has_commit_mark();
  };
  EXPECT_TRUE(marked(append({"a"})));
  EXPECT_FALSE(marked(append({"b"})));
  clock.advance(settings.flush_interval);
  committer().run_once();
  EXPECT_TRUE(marked(append({"c"})));
}

TEST_F(CommitterTest, a_round_costs_one_write_and_one_sync_for_each_partition_however_many_requests) {
  open();
  append({"warm"});
  for (int i = 0; i < 20; ++i) submit({"x"});
  faulty->arm({.kind = FaultKind::io_error, .target = FaultTarget::syncs, .at = 1000, .path_contains = {}});
  committer().run_once();
  EXPECT_EQ(faulty->calls(), 1U);
}

TEST_F(CommitterTest, bytes_are_in_flight_until_the_notice_is_let_go) {
  open();
  const std::size_t size = batch({"a"}).size();
  submit({"a"});
  EXPECT_EQ(committer().bytes_in_flight(), size);
  committer().run_once();
  EXPECT_EQ(committer().bytes_in_flight(), size);
  notices.clear();
  EXPECT_EQ(committer().bytes_in_flight(), 0U);
}

TEST_F(CommitterTest, past_its_bound_it_refuses_but_takes_a_single_large_request) {
  open();
  Committer small(store(), clock, {.max_bytes_in_flight = 200});
  ASSERT_TRUE(small.submit(request({std::string(1000, 'x')}, 0, 1)));
  AppendRequest refused = request({"b"}, 0, 2);
  const Result<> done = small.submit(std::move(refused));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::overloaded);
  EXPECT_FALSE(refused.batch.empty()) << "the refused request is untouched";
  small.run_once();
  EXPECT_TRUE(small.submit(std::move(refused)));
}

TEST_F(CommitterTest, a_batch_over_the_limit_or_malformed_fails_alone) {
  open();
  LogSettings settings = store().find_log("x")->settings();
  settings.max_batch_bytes = 1024;
  ASSERT_TRUE(store().change_settings("x", settings));
  submit({"a"});
  submit({std::string(2000, 'b')});
  ASSERT_TRUE(committer().submit({.partition = &partition(), .batch = to_bytes("not a batch"), .origin = 0, .id = 7}));
  submit({"c"});
  committer().run_once();
  const std::vector<AppendOutcome>& outcomes = notices.back()->outcomes;
  ASSERT_THAT(outcomes, SizeIs(4));
  EXPECT_EQ(outcomes[0].base_offset, 0);
  EXPECT_EQ(outcomes[1].error->code, Errc::too_large);
  EXPECT_EQ(outcomes[2].error->code, Errc::invalid_argument);
  EXPECT_EQ(outcomes[3].base_offset, 1);
}

TEST_F(CommitterTest, a_queue_longer_than_a_segment_is_split_at_the_roll_and_keeps_its_order) {
  open();
  LogSettings settings = store().find_log("x")->settings();
  settings.segment_bytes = 1024;
  ASSERT_TRUE(store().change_settings("x", settings));
  std::vector<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    sent.push_back(std::to_string(i) + std::string(200, '.'));
    submit({sent.back()});
  }
  EXPECT_EQ(committer().run_once(), 20U);
  EXPECT_GT(partition().segment_count(), 4);
  EXPECT_EQ(values(), sent);
  std::vector<std::uint64_t> ids;
  for (const auto& notice : notices) {
    for (const AppendOutcome& outcome : notice->outcomes) ids.push_back(outcome.id);
  }
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_THAT(ids, SizeIs(20));
}

class CommitterOfManyPartitionsTest : public testing::Test, public LogWorld {
 protected:
  static LogSettings five_partitions(Durability durability) {
    LogSettings settings = one_partition(durability);
    settings.partitions = 5;
    return settings;
  }
  explicit CommitterOfManyPartitionsTest(Durability durability = Durability::sync)
      : LogWorld(five_partitions(durability)) {}

  // Commits a batch for each of the partitions in one round and says, for each notice, how many files were synced by
  // then and which partitions it tells of.
  std::vector<std::pair<std::uint64_t, std::vector<std::int32_t>>> commit_one_each(std::uint32_t sync_threads) {
    Committer committer(store(), clock, {.sync_threads = sync_threads});
    std::vector<std::pair<std::uint64_t, std::vector<std::int32_t>>> told;
    committer.add_listener([&](const std::shared_ptr<const CommitNotice>& notice) {
      std::vector<std::int32_t> partitions;
      for (const AppendOutcome& outcome : notice->outcomes) {
        EXPECT_FALSE(outcome.error);
        partitions.push_back(outcome.partition->number());
      }
      told.emplace_back(faulty->calls(), partitions);
    });
    faulty->arm({.target = FaultTarget::syncs, .at = UINT64_MAX});  // counts
    for (const std::int32_t number : {3, 1, 4, 0, 2}) {
      EXPECT_TRUE(committer.submit({.partition = &partition(number), .batch = batch({"a"}), .origin = 0, .id = 0}));
    }
    EXPECT_EQ(committer.run_once(), 5U);
    return told;
  }
};
using Told = std::vector<std::pair<std::uint64_t, std::vector<std::int32_t>>>;

TEST_F(CommitterOfManyPartitionsTest, who_waits_for_a_synced_file_is_told_before_the_next_ones_are_synced) {
  open();
  EXPECT_EQ(commit_one_each(1), (Told{{1, {0}}, {2, {1}}, {3, {2}}, {4, {3}}, {5, {4}}}));
}

TEST_F(CommitterOfManyPartitionsTest, what_is_synced_side_by_side_is_told_together_in_the_order_of_submission) {
  open();
  EXPECT_EQ(commit_one_each(2), (Told{{2, {1, 0}}, {4, {3, 2}}, {5, {4}}}));
  EXPECT_EQ(commit_one_each(5), (Told{{5, {3, 1, 4, 0, 2}}}));
}

TEST_F(CommitterOfManyPartitionsTest, a_failed_sync_holds_up_no_other_partitions_notice) {
  open();
  Committer committer(store(), clock, {.sync_threads = 1});
  std::vector<std::pair<std::int32_t, bool>> told;
  committer.add_listener([&](const std::shared_ptr<const CommitNotice>& notice) {
    for (const AppendOutcome& outcome : notice->outcomes) {
      told.emplace_back(outcome.partition->number(), outcome.error == nullptr);
    }
  });
  faulty->arm({.target = FaultTarget::any, .at = 1, .sticky = true, .path_contains = "x-1/"});
  for (const std::int32_t number : {0, 1, 2}) {
    ASSERT_TRUE(committer.submit({.partition = &partition(number), .batch = batch({"a"}), .origin = 0, .id = 0}));
  }
  EXPECT_EQ(committer.run_once(), 3U);
  EXPECT_EQ(told, (std::vector<std::pair<std::int32_t, bool>>{{0, true}, {1, false}, {2, true}}));
  EXPECT_EQ(partition(0).offsets().committed, 1);
  EXPECT_EQ(partition(1).offsets().committed, 0);
  EXPECT_EQ(partition(2).offsets().committed, 1);
}

class AsyncCommitterTest : public CommitterOfManyPartitionsTest {
 protected:
  AsyncCommitterTest() : CommitterOfManyPartitionsTest(Durability::async) {}
};

TEST_F(AsyncCommitterTest, what_need_not_be_synced_is_told_at_once_and_together) {
  open();
  EXPECT_EQ(commit_one_each(1), (Told{{0, {3, 1, 4, 0, 2}}}));
}

TEST_F(CommitterTest, every_listener_gets_every_notice) {
  open();
  int other = 0;
  committer().add_listener([&](const std::shared_ptr<const CommitNotice>&) { ++other; });
  append({"a"});
  append({"b"});
  EXPECT_EQ(other, 2);
  EXPECT_THAT(notices, SizeIs(2));
}

TEST_F(CommitterTest, after_stop_it_refuses) {
  open();
  committer().stop();
  committer().stop();
  const Result<> done = committer().submit(request({"a"}, 0, 1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::closed);
}

// Threads submit while readers follow the tail and housekeeping runs; everything comes out once, in each submitter's
// order.
TEST(CommitterThread, many_submitters_and_readers_beside_the_committers_own_thread) {
  constexpr int submitters = 4;
  constexpr int each = 200;
  const auto disk = make_memory_file_system();
  const SystemClock clock;
  const auto catalog = *Catalog::open(":memory:");
  const auto store = *Store::open(*disk, clock, *catalog, {.directory = "data"});
  LogSettings settings;
  settings.partitions = 2;
  settings.segment_bytes = 4096;
  settings.retention_time.reset();  // the records are of 1970
  Log& log = **store->create_log("x", settings);
  Committer committer(*store, clock, {.max_bytes_in_flight = 1 << 20, .sync_threads = 3});
  std::atomic<int> answered = 0;
  std::promise<void> all_answered;
  committer.add_listener([&](const std::shared_ptr<const CommitNotice>& notice) {
    for (const AppendOutcome& outcome : notice->outcomes) EXPECT_FALSE(outcome.error);
    const int before = answered.fetch_add(static_cast<int>(notice->outcomes.size()));
    if (before + static_cast<int>(notice->outcomes.size()) == submitters * each) all_answered.set_value();
  });
  committer.start();
  std::vector<std::thread> threads;
  for (int s = 0; s < submitters; ++s) {
    threads.emplace_back([&, s] {
      for (int i = 0; i < each; ++i) {
        BatchBuilder builder;
        const std::string value = std::to_string(s) + ":" + std::to_string(i);
        builder.add({.offset = 0, .timestamp = 1, .key = {}, .value = as_bytes(value), .headers = {}});
        AppendRequest request{.partition = &log.partition(s % 2), .batch = builder.take(), .origin = 0, .id = 0};
        while (!committer.submit(std::move(request))) std::this_thread::yield();
      }
    });
  }
  std::atomic<bool> ending = false;
  std::thread housekeeper([&] {
    while (!ending) EXPECT_TRUE(store->run_housekeeping());
  });
  std::vector<std::vector<std::string>> seen(2);
  for (int p = 0; p < 2; ++p) {
    threads.emplace_back([&, p] {
      Offset offset = 0;
      ReadHint hint;
      while (seen[static_cast<std::size_t>(p)].size() < submitters * each / 2) {
        const auto read = log.partition(p).read(offset, 2000, hint);
        ASSERT_TRUE(read) << read.error().message;
        for (ByteView rest = read->bytes; !rest.empty(); rest = rest.subspan(*BatchView::claimed_size(rest))) {
          RecordReader reader(*BatchView::check(rest));
          while (auto record = *reader.next()) seen[static_cast<std::size_t>(p)].emplace_back(as_text(*record->value));
        }
        offset = read->next;
        hint = read->hint;
      }
    });
  }
  all_answered.get_future().wait();
  for (std::thread& thread : threads) thread.join();
  ending = true;
  housekeeper.join();
  committer.stop();
  for (int s = 0; s < submitters; ++s) {
    int next = 0;
    for (const std::string& value : seen[static_cast<std::size_t>(s % 2)]) {
      if (!value.starts_with(std::to_string(s) + ":")) continue;
      EXPECT_EQ(value, std::to_string(s) + ":" + std::to_string(next++));
    }
    EXPECT_EQ(next, each);
  }
  EXPECT_TRUE(store->close());
}

}  // namespace
}  // namespace bitacora::storage
