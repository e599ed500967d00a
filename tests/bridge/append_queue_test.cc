#include "bridge/append_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/log_world.h"

namespace bitacora::bridge {
namespace {

using testing::ElementsAre;

class AppendQueueTest : public testing::Test {
 protected:
  void add(storage::Partition& partition, std::uint64_t ticket = 0) {
    queue_.add(partition, {0, 0, as_bytes("key"), as_bytes("value"), {}}, Ticket(ticket));
  }
  void flush() {
    std::vector<AppendQueue::Refused> refused;
    queue_.flush(refused);
  }
  void commit() {
    world_.committer->run_once();
    for (const auto& notice : std::exchange(world_.notices, {})) {
      for (const auto& outcome : notice->outcomes) {
        queue_.on_outcome(outcome, [this](const RecordFate& fate) { settled_tickets_.push_back(fate.ticket.value()); });
      }
    }
  }

  LogWorld world_;
  storage::Log& log_ = world_.create_log("log", 2);
  AppendQueue queue_{*world_.committer, 7, 1 << 20};
  std::vector<std::uint64_t> settled_tickets_;
};

TEST_F(AppendQueueTest, CountsWhatWasAddedAndWhatHasItsFateForEachPartition) {
  storage::Partition& partition = log_.partition(0);
  EXPECT_EQ(queue_.added(partition), 0U);
  add(partition);
  add(partition, 1);
  flush();
  add(partition, 2);
  EXPECT_EQ(queue_.added(partition), 3U);
  EXPECT_EQ(queue_.settled(partition), 0U);
  commit();
  EXPECT_EQ(queue_.settled(partition), 2U) << "the third is still with the queue";
  EXPECT_EQ(queue_.added(log_.partition(1)), 0U);
  EXPECT_EQ(queue_.settled(log_.partition(1)), 0U);
  flush();
  commit();
  EXPECT_EQ(queue_.settled(partition), 3U);
  EXPECT_FALSE(queue_.has_failed(partition));
  EXPECT_THAT(settled_tickets_, ElementsAre(1, 2));
}

TEST_F(AppendQueueTest, WhatFailsHasItsFateAndIsToldOnce) {
  storage::Partition& partition = log_.partition(0);
  add(partition);
  flush();
  world_.files->set_capacity(world_.files->used());
  commit();
  EXPECT_EQ(queue_.settled(partition), 1U);
  EXPECT_TRUE(queue_.has_failed(partition));
  EXPECT_FALSE(queue_.has_failed(log_.partition(1)));
  EXPECT_TRUE(queue_.take_failed(partition));
  EXPECT_FALSE(queue_.take_failed(partition));
}

TEST_F(AppendQueueTest, WhatTheCommitterRefusesFailsToo) {
  storage::Partition& partition = log_.partition(0);
  world_.committer->stop();
  add(partition);
  flush();
  EXPECT_EQ(queue_.settled(partition), 1U);
  EXPECT_TRUE(queue_.take_failed(partition));
  EXPECT_TRUE(queue_.idle());
}

}  // namespace
}  // namespace bitacora::bridge
