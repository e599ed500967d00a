// CONNECT to CONNACK, and the end of a connection: sessions begun, resumed, taken over, left, expired.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "delivery.h"
#include "group_members.h"
#include "journal.h"
#include "mark.h"
#include "operations.h"
#include "publish_path.h"
#include "session.h"
#include "session_table.h"
#include "shard_context.h"
#include "takeover_guard.h"
#include "will_rate.h"

namespace bitacora::bridge {

class ConnectPath {
 public:
  ConnectPath(ShardContext& context, SessionTable& sessions, Delivery& delivery, GroupMembers& members,
              Journal& journal, Mark& mark, PublishPath& publishing, Operations& operations, std::uint64_t seed)
      : context_(context),
        sessions_(sessions),
        delivery_(delivery),
        members_(members),
        journal_(journal),
        mark_(mark),
        publishing_(publishing),
        operations_(operations),
        random_(seed) {}

  void on_connect(Connection& connection, const mqtt::ConnectEvent& event);
  // What CONNECT changed is durable, or failed. `session` is null if it has ended meanwhile.
  void on_settled(Operation& operation, Connection& connection, Session* session);
  void on_closed(Connection& connection, const mqtt::ClosedEvent& event);

  // Ends offline sessions whose time has come and publishes Wills that were delayed.
  void on_time();
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;

  // From now on every CONNECT is refused.
  void shut_down() { context_.shutting_down = true; }

  // A session as the journal had it; offline.
  void restore(std::unique_ptr<Session> session);

 private:
  void refuse(Connection& connection, const mqtt::ConnectEvent& event, mqtt::ReasonCode reason, std::string_view why);
  // Writes down what CONNECT made of the session; CONNACK waits for it.
  void store(Session& session, Operation operation);
  [[nodiscard]] std::string assign_client_id();
  [[nodiscard]] std::string response_information_of(std::string_view client_id) const;
  // A Session Expiry Interval as asked for, or what the settings allow at the most.
  [[nodiscard]] std::uint32_t allowed_expiry(std::uint32_t requested) const;
  // Whether a CONNECT's Will is over a limit, or not the client's to publish: then the connection was refused.
  [[nodiscard]] bool refuses_will(Connection& connection, const mqtt::ConnectEvent& event, const Rights& rights);
  // False: the client id is taken over too often, its connection was closed and the new one is to be refused.
  [[nodiscard]] bool may_take_over(std::string_view client_id);
  void take_over(Session& session, mqtt::ReasonCode reason = mqtt::ReasonCode::session_taken_over);
  [[nodiscard]] Session& begin_session(std::string client_id);
  void end_session(Session& session, Ticket ticket = {});
  void leave(Session& session);
  // Publishes the session's Will, or gives it a turn where very many are due: then the session still has it.
  void publish_will_in_turn(Session& session);
  void schedule(Session& session);

  ShardContext& context_;
  SessionTable& sessions_;
  Delivery& delivery_;
  GroupMembers& members_;
  Journal& journal_;
  Mark& mark_;
  PublishPath& publishing_;
  Operations& operations_;
  std::mt19937_64 random_;
  TakeoverGuard takeovers_;
  WillRate wills_;
  // Offline sessions by when something is due; entries may be out of date and are looked at again then.
  std::multimap<MonotonicTime, std::uint64_t> due_;  // -> session epoch
};

}  // namespace bitacora::bridge
