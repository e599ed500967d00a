// The members' side of groups: what the sessions of this shard tell the homes of their groups, and what comes from
// there. A membership is online while its session is attached; it belongs to the session from SUBSCRIBE on.
#pragma once

#include <optional>
#include <string>

#include "delivery.h"
#include "session.h"
#include "session_table.h"
#include "shard_context.h"

namespace bitacora::bridge {

class GroupMembers {
 public:
  GroupMembers(ShardContext& context, SessionTable& sessions, Delivery& delivery)
      : context_(context), sessions_(sessions), delivery_(delivery) {}

  // The session's membership under that name; nullptr if it has none or has given it up.
  [[nodiscard]] static Membership* find(Session& session, std::string_view group);
  // A new membership, or the one of that group which is just being given up; without its subscription.
  [[nodiscard]] static Membership& add(Session& session, std::string group, GroupKind kind, std::string filter);

  // Asks the home. Its answer is for entry `entry` of the SUBSCRIBE that `ticket` belongs to.
  void join(Membership& membership, const std::string& topic_filter, std::optional<StartPosition> from, Ticket ticket,
            std::size_t entry);
  // Unsubscribed: what was sent is finished, then the membership ends.
  void leave(Membership& membership);

  // The session's connection is up; it is gone; the session ends.
  void attach(Session& session);
  void detach(Session& session);
  void forget(Session& session);

  void on_hand_over(const GroupMessage& message, const HandOver& hand_over);
  // At the end of a turn: the homes are told what was settled; memberships that were given up end.
  void flush();

 private:
  [[nodiscard]] Attachment attachment_of(const Membership& membership) const;
  void report_settled(Membership& membership);
  [[nodiscard]] RecordPlaces give_up_in_flight(Membership& membership);
  void end(Membership& membership, RecordPlaces settled);

  ShardContext& context_;
  SessionTable& sessions_;
  Delivery& delivery_;
  std::uint64_t last_attachment_ = 0;  // no number twice: a session may leave a group and join it again at once
};

}  // namespace bitacora::bridge
