// A whole broker in one thread: store, committer and shards over a disk in memory and a clock that the test moves. It
// can be killed, lose power and start again on what its disk kept. Clients are in client.h.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "bridge/offset_service.h"
#include "bridge/shard.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora::sim {

// The client's end of a connection, for the world.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void on_bytes(ByteView bytes) = 0;
  virtual void on_closed() = 0;
};

struct WorldOptions {
  std::uint32_t shards = 2;
  storage::LogSettings log{};                                // of the log mqtt
  std::vector<std::string> more_logs{};                      // made with the same settings
  std::map<std::string, storage::LogSettings> other_logs{};  // made with their own
  bridge::BrokerSettings broker{};
  std::uint64_t seed = 0;  // of what the server takes from chance
  std::int64_t preallocate_bytes = 64 << 10;
  // What stands between the server and its disk, for what a server must not do; none: nothing.
  std::function<std::unique_ptr<storage::FileSystem>(storage::FileSystem& disk)> between{};
};

class BrokerWorld {
 public:
  explicit BrokerWorld(WorldOptions options = {});
  ~BrokerWorld();

  // The process: start() recovers; kill() is kill -9; crash(seed) is a power cut that keeps what was synced and a
  // random part of the rest. Clients' connections end without a word.
  void start();
  void kill();
  void crash(std::uint64_t seed);
  // SIGTERM: cursors are written down, the store is closed.
  void stop();
  // The same on a disk that may fail: the error, and no process.
  [[nodiscard]] storage::Result<> try_start();
  [[nodiscard]] storage::Result<> try_stop();
  [[nodiscard]] bool running() const noexcept { return store_ != nullptr; }

  // Until nothing moves any more. With `commit` no, the committer does nothing meanwhile: what is published stays
  // unanswered.
  enum class Commit : std::uint8_t { yes, no };
  void run(Commit commit = Commit::yes);
  // One turn of the shards or one round of the committer; false if nothing moved.
  bool turn();
  bool commit();
  // One round of the committer that nobody hears of any more: the process dies in it. Call kill() or crash() next.
  void commit_unheard();
  // What the service behind the HTTP door answered in the end of a process, when nobody was there to take it.
  [[nodiscard]] std::vector<bridge::Produced> take_unheard_answers() { return std::exchange(unheard_answers_, {}); }
  // The catalog's round: what groups asked of it is served, and answered with the next turn. False if there was
  // nothing.
  bool serve_catalog();

  void advance(std::chrono::nanoseconds by);

  // What an Authenticator would say. Verdicts come with the next turn, or when `hold_verdicts` is false again.
  std::function<identity::Verdict(const identity::Credentials&)> judge = [](const auto&) {
    return identity::Verdict{};
  };
  bool hold_verdicts = false;
  // SIGHUP.
  void reload(const bridge::BrokerSettings& settings);
  // What the connections to come are opened with.
  bridge::ConnectionOrigin origin{.peer = "sim"};

  // --- for clients ---
  bridge::ConnectionId open(Peer& peer, std::string_view client_id);
  void send(bridge::ConnectionId id, ByteView bytes);
  void hang_up(bridge::ConnectionId id);
  [[nodiscard]] std::uint64_t next_delivery() noexcept { return ++deliveries_; }
  // A client that does not read leaves its bytes with the server.
  void set_reading(bridge::ConnectionId id, bool reading);
  // Whether the server reads this client's socket; send() does not ask.
  [[nodiscard]] bool reads(bridge::ConnectionId id) const;

  // Every record of a log that a reader can see, partition after partition.
  struct Record {
    std::int32_t partition = 0;
    storage::Offset offset = 0;
    std::string key;
    std::string value;
    std::map<std::string, std::string> headers{};
  };
  [[nodiscard]] std::vector<Record> records(const std::string& log = "mqtt") const;

  // What the catalog has of a group: (partition, next offset) of log "mqtt".
  [[nodiscard]] std::map<std::int32_t, storage::Offset> group_offsets(const std::string& group) const;

  // A running hash of all that the server has sent and been told, since the world began: the same world does the same.
  [[nodiscard]] std::uint64_t trace() const noexcept { return trace_; }
  void add_to_trace(std::uint64_t what, ByteView bytes);

  [[nodiscard]] storage::Store& store() { return *store_; }
  [[nodiscard]] storage::FaultyFileSystem& faults() { return *faulty_; }
  // What stands behind the HTTP door. Ends with the process.
  [[nodiscard]] bridge::OffsetService& offset_service() { return *offset_service_; }
  [[nodiscard]] storage::MemoryFileSystem& disk() { return *disk_; }
  [[nodiscard]] bridge::BrokerMetrics& metrics() { return *metrics_; }
  [[nodiscard]] VirtualClock& clock() { return clock_; }

 private:
  struct Link {
    Peer* peer = nullptr;
    std::uint32_t shard = 0;
    bool reading = true;
  };
  [[nodiscard]] storage::Result<> start_on_store();
  void drop_process();
  bool carry_output(std::uint32_t shard);
  bool carry_logins(std::uint32_t shard);
  bool carry_mail(std::uint32_t shard);

  WorldOptions options_;
  VirtualClock clock_;
  std::unique_ptr<storage::MemoryFileSystem> disk_;
  std::unique_ptr<storage::FileSystem> between_;  // of WorldOptions
  std::unique_ptr<storage::FaultyFileSystem> faulty_;
  std::unique_ptr<storage::Catalog> catalog_;  // survives crashes: its own durability is SQLite's
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Committer> committer_;
  std::unique_ptr<bridge::BrokerMetrics> metrics_;
  std::vector<std::unique_ptr<bridge::Shard>> shards_;
  std::unique_ptr<bridge::OffsetService> offset_service_;
  std::deque<std::shared_ptr<const storage::CommitNotice>> notices_;
  std::vector<bridge::Produced> unheard_answers_;
  std::deque<bridge::ShardMail> mail_;
  std::vector<bridge::OffsetRequest> offset_requests_;
  std::map<std::uint64_t, Link> links_;
  std::vector<std::pair<std::uint32_t, bridge::Shard::LoginRequest>> logins_;  // with their shard
  std::uint64_t next_connection_ = 1;
  std::uint64_t starts_ = 0;
  std::uint64_t deliveries_ = 0;
  std::uint64_t trace_ = 0;
};

}  // namespace bitacora::sim
