// One shard: an event loop's worth of broker, without the event loop. It owns the connections and sessions of the
// client ids that hash to it and does for them all that a broker does. No sockets, threads or clock: whoever owns it
// (net/, a simulator) calls it from one thread and gives it the time.
//
//   open(id, ...)        a connection whose CONNECT hashes to this shard
//   on_bytes(id, ...)    what its socket had
//   on_commit(notice)    what the committer wrote: acknowledgements are released, messages delivered
//   on_mail(message)     what another shard, or this one, has sent: see take_mail()
//   end_turn(now)        closes the batches gathered since the last one, hands them to the committer, moves cursors on
//   take_logins()        whom to ask an Authenticator about; its verdicts come back by on_verdict
//   take_touched()       connections whose output(), closed() or wants_input() may have changed: write, close, read on
//   take_mail()          messages for shards: carry each to its shard's on_mail, in order
//   take_offset_requests()  to be served from the catalog elsewhere (group_offsets.h), in order; on_offset_answer takes
//                        the answers
//
// Order of a turn: any number of inputs, then end_turn, then what is to be taken. While has_work() is true, call
// end_turn again soon even without input.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/strong.h"
#include "bridge/connection_origin.h"
#include "bridge/group_message.h"
#include "bridge/group_offsets.h"
#include "bridge/metrics.h"
#include "bridge/settings.h"
#include "identity/authenticator.h"
#include "mqtt/server_connection.h"
#include "storage/committer.h"
#include "storage/store.h"

namespace bitacora::bridge {

using ShardIndex = Strong<struct ShardIndexTag, std::uint32_t>;
using ConnectionId =
    Strong<struct ConnectionIdTag, std::uint64_t>;  // chosen by the owner, unique in the shard for ever

// Which shard a client id belongs to: hash % count. An empty id may go anywhere.
[[nodiscard]] ShardIndex shard_of(std::string_view client_id, std::uint32_t shard_count) noexcept;

// The client id of the CONNECT at the front of a stream, to choose its shard. needs_more: not all of it is there yet;
// anything that is not a CONNECT gives an empty id (any shard will refuse it properly).
struct ClientIdPeek {
  enum class State : std::uint8_t { needs_more, known } state = State::needs_more;
  std::string client_id;
};
[[nodiscard]] ClientIdPeek peek_client_id(ByteView bytes, const mqtt::ConnectionLimits& limits);

// Names of the server's own logs. create_internal_logs makes those that are missing.
inline constexpr std::string_view sessions_log = "__sessions";
inline constexpr std::string_view retained_log = "__retained";
[[nodiscard]] storage::Result<> create_internal_logs(storage::Store& store);

// What the logs say of sessions and retained messages at start. Made once, given to all shards. Writes what it put
// together back to the journal, through `committer`, which must not have been started yet (run_once is called).
class RecoveredState;
[[nodiscard]] storage::Result<std::shared_ptr<const RecoveredState>> recover_state(storage::Store& store,
                                                                                   storage::Committer& committer,
                                                                                   std::uint32_t shard_count,
                                                                                   Timestamp now_ms);

struct ShardOptions {
  ShardIndex index{0};
  std::uint32_t shard_count = 1;
  std::uint32_t origin = 0;  // of this shard's append requests: unique among the committer's users
  std::shared_ptr<const BrokerSettings> settings;
  std::shared_ptr<const RecoveredState> recovered;
  std::uint64_t seed = 1;  // for assigned client ids
};

class Shard {
 public:
  // `store`, `committer` and `metrics` outlive the shard. The caller passes every notice of the committer to on_commit,
  // and creates all shards before the first append.
  Shard(storage::Store& store, storage::Committer& committer, BrokerMetrics& metrics, const ShardOptions& options,
        Now now);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // --- input ---
  void open(ConnectionId id, ConnectionOrigin origin, Now now);
  void on_bytes(ConnectionId id, ByteView bytes, Now now);
  void on_transport_closed(ConnectionId id, Now now);
  void on_commit(const std::shared_ptr<const storage::CommitNotice>& notice, Now now);
  void on_mail(GroupMessage message, Now now);
  void on_offset_answer(OffsetAnswer answer, Now now);
  void on_time(Now now);
  // The answer to one of take_logins(); nothing happens if the connection has ended meanwhile.
  void on_verdict(ConnectionId id, identity::Verdict verdict, Now now);
  void on_settings(std::shared_ptr<const BrokerSettings> settings, Now now);
  void end_turn(Now now);
  // Refuses new connections, sends DISCONNECT 0x8B to all, and writes every persistent session's cursor down. The owner
  // then goes on with notices and turns until idle().
  void shut_down(Now now);

  // --- output ---
  // Clients that wait between CONNECT and CONNACK for a verdict, each once.
  struct LoginRequest {
    ConnectionId connection;
    identity::Credentials credentials;
  };
  [[nodiscard]] std::vector<LoginRequest> take_logins();
  [[nodiscard]] std::vector<ConnectionId> take_touched();
  [[nodiscard]] std::vector<ShardMail> take_mail();
  [[nodiscard]] std::vector<OffsetRequest> take_offset_requests();
  [[nodiscard]] ByteView output(ConnectionId id) const;  // good until the next input or consume
  void consume_output(ConnectionId id, std::size_t size, Now now);
  [[nodiscard]] bool closed(ConnectionId id) const;       // no more input; close when the output is written
  [[nodiscard]] bool wants_input(ConnectionId id) const;  // false: back-pressure, do not read its socket
  void forget(ConnectionId id);                           // the socket is closed; the id is no longer known

  [[nodiscard]] bool has_work() const;  // cursors can move on: end another turn soon. Waiting is never work
  [[nodiscard]] bool idle() const;      // nothing waits for the committer, the catalog or to be taken
  // When on_time and end_turn have something to do without other input. Batches that wait for room at the committer are
  // one such thing: room may come without a notice.
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;

  [[nodiscard]] std::size_t connection_count() const;
  [[nodiscard]] std::size_t session_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::bridge
