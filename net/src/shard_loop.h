// A shard's thread: an event loop, the bridge::Shard it drives, and the sockets of that shard's connections.
//
// It works in turns. A turn begins with the first input (bytes, a notice of the committer, a timer) and ends behind
// whatever else was ready then: only then the shard closes its batches, and each connection that it touched is written
// to once and read on if the shard wants it. So every ready socket is read before the log is asked, and none is read
// twice before all others had their turn.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "arrival.h"
#include "base/clock.h"
#include "bridge/shard.h"
#include "connection.h"
#include "event_loop.h"
#include "net/server.h"
#include "tcp.h"

namespace bitacora::net {

class ShardLoop {
 public:
  // Adds a listener to the committer. What the broker holds by reference outlives the loop.
  ShardLoop(const Broker& broker, bridge::ShardOptions shard, std::chrono::milliseconds linger);
  ~ShardLoop();
  ShardLoop(const ShardLoop&) = delete;
  ShardLoop& operator=(const ShardLoop&) = delete;

  void start();
  // Where this loop's shard sends what is for others. To be set before start().
  struct Neighbours {
    std::function<void(bridge::ShardMail)> post;
    std::function<void(std::vector<bridge::OffsetRequest>)> ask_catalog;
    std::function<void()> on_quiet;  // once, after begin_stop: nothing of this shard is under way
    // How many commit notices every shard was sent. None is looked at before all shards have it: what a client was told
    // by one shard (a retained message is stored) then holds for its next question to any other.
    std::shared_ptr<const std::atomic<std::uint64_t>> notices_posted;
  };
  void set_neighbours(Neighbours neighbours) { neighbours_ = std::move(neighbours); }

  // From any thread:
  void adopt(Arrival arrival);
  void reload(std::shared_ptr<const bridge::BrokerSettings> settings);
  void deliver(bridge::GroupMessage message);
  void deliver(bridge::OffsetAnswer answer);
  // Shuts the shard down. When nothing is left to wait for, or `timeout` later, it is quiet: it still takes what other
  // shards send it. No adopt() after it.
  void begin_stop(std::chrono::milliseconds timeout);
  // Every shard is quiet: ends the thread when what they have sent is done too, or at the same time out.
  void end_stop();
  void join();

 private:
  using Connections = std::unordered_map<bridge::ConnectionId, Connection>;

  // What the committer's listener holds: the committer may outlive this loop.
  struct Mailbox {
    EventLoop loop{one_thread};
    std::atomic<bool> open{true};
  };
  struct Parting {
    MonotonicTime deadline;
    bridge::ConnectionId id;
  };

  static constexpr std::size_t read_size = 64 << 10;

  void listen_to(storage::Committer& committer);
  void run();
  [[nodiscard]] Connection* find(bridge::ConnectionId id);

  // Input.
  void open(Arrival arrival);
  void on_commit(const std::shared_ptr<const storage::CommitNotice>& notice);
  void on_readable(bridge::ConnectionId id, Connection& connection);
  void on_writable(bridge::ConnectionId id, Connection& connection);
  void on_failing(bridge::ConnectionId id, Connection& connection);
  void on_timer();
  void read(bridge::ConnectionId id, Connection& connection);
  void take(bridge::ConnectionId id, Connection& connection, ByteView wire, Now now);
  void discard_input(bridge::ConnectionId id, Connection& connection);
  void lose(bridge::ConnectionId id, Connection& connection, Now now);

  // The end of a turn.
  void schedule_turn();
  void turn();
  void ask_who_they_are();
  void serve(bridge::ConnectionId id, Now now);
  [[nodiscard]] bool reads_on(bridge::ConnectionId id, const Connection& connection) const;
  void write(bridge::ConnectionId id, Connection& connection, Now now);
  void write_stream(bridge::ConnectionId id, Connection& connection, Now now);
  [[nodiscard]] bool all_is_written(bridge::ConnectionId id, const Connection& connection) const;
  void leave(bridge::ConnectionId id, Connection& connection, Now now);
  void erase(bridge::ConnectionId id);

  using OnReady = void (ShardLoop::*)(bridge::ConnectionId, Connection&);
  void wait(bridge::ConnectionId id, Connection& connection, WaitFor what, OnReady on_ready);

  // Time.
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;
  void arm_timer(Now now);
  void close_late(Now now);
  void send_out();
  void end_if_stopped(Now now);

  const Clock& clock_;
  bridge::BrokerMetrics& metrics_;
  identity::Authenticator* authenticator_;
  const std::chrono::milliseconds linger_time_;
  const std::uint32_t index_;
  std::uint64_t notices_ = 0;  // that were looked at
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  EventLoop& loop_ = mailbox_->loop;
  bridge::Shard shard_;
  Connections connections_;
  bridge::ConnectionId last_id_{0};
  Bytes buffer_ = Bytes(read_size);             // of whichever socket is being read
  Bytes payload_;                               // of that socket's stream, where it has one
  std::vector<bridge::ConnectionId> to_serve_;  // at the end of this turn, whether the shard touches them or not
  std::deque<Parting> partings_;                // connections that are leaving, by deadline
  bool turn_scheduled_ = false;
  Timer timer_{loop_};
  std::optional<MonotonicTime> timer_set_for_;
  Neighbours neighbours_;
  std::optional<MonotonicTime> stop_by_;
  bool quiet_ = false;
  bool may_end_ = false;
  std::thread thread_;
};

}  // namespace bitacora::net
