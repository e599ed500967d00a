#include "group_members.h"

#include <algorithm>

namespace bitacora::bridge {
namespace {

using Awaiting = InFlightMessage::Awaiting;

RecordPlaces in_flight_of(const Membership& membership) {
  RecordPlaces places;
  for (const InFlightMessage& message : membership.feed.session->in_flight.messages()) {
    if (message.feed == &membership.feed) places.push_back({message.partition, message.offset});
  }
  return places;
}

}  // namespace

Membership* GroupMembers::find(Session& session, std::string_view group) {
  const auto found = std::ranges::find_if(
      session.memberships, [&](const auto& membership) { return membership->group == group && !membership->leaving; });
  return found == session.memberships.end() ? nullptr : found->get();
}

Membership& GroupMembers::add(Session& session, std::string group, GroupKind kind, std::string filter) {
  const auto leaving =
      std::ranges::find(session.memberships, group, [](const auto& membership) { return membership->group; });
  if (leaving != session.memberships.end()) {
    (*leaving)->leaving = false;
    (*leaving)->feed.name = std::move(filter);
    return **leaving;
  }
  auto membership = std::make_unique<Membership>();
  membership->group = std::move(group);
  membership->kind = kind;
  membership->feed.session = &session;
  membership->feed.name = std::move(filter);
  membership->feed.membership = membership.get();
  membership->feed.live = true;
  session.memberships.push_back(std::move(membership));
  return *session.memberships.back();
}

// --- to the home ---

Attachment GroupMembers::attachment_of(const Membership& membership) const {
  const Session& session = *membership.feed.session;
  return {membership.attachment, delivery_.window_of(session),
          session.persistent() ? Lifetime::persistent : Lifetime::connection};
}

void GroupMembers::report_settled(Membership& membership) {
  if (membership.settled.empty()) return;
  context_.tell_home(membership, RecordsSettled{std::exchange(membership.settled, {})});
}

void GroupMembers::join(Membership& membership, const std::string& topic_filter, std::optional<StartPosition> from,
                        Ticket ticket, std::size_t entry) {
  membership.attachment = ++last_attachment_;
  membership.full = false;
  report_settled(membership);
  context_.tell_home(membership, JoinGroup{membership.kind, topic_filter, from, attachment_of(membership),
                                           in_flight_of(membership), ticket, entry});
}

void GroupMembers::leave(Membership& membership) {
  membership.leaving = true;
  context_.tell_home(membership, LeaveSoon{{membership.pending.begin(), membership.pending.end()}});
  membership.pending.clear();
  context_.report(membership);
}

void GroupMembers::flush() {
  for (Membership* membership : std::exchange(context_.reports, {})) {
    membership->touched = false;
    report_settled(*membership);
    if (membership->leaving && in_flight_of(*membership).empty()) end(*membership, {});
  }
}

void GroupMembers::end(Membership& membership, RecordPlaces settled) {
  context_.tell_home(membership, LeaveGroup{std::move(settled)});
  std::erase(context_.reports, &membership);
  std::erase_if(membership.feed.session->memberships,
                [&](const auto& candidate) { return candidate.get() == &membership; });
}

// --- with the session ---

void GroupMembers::attach(Session& session) {
  for (const auto& membership : session.memberships) {
    membership->attachment = ++last_attachment_;
    membership->full = false;
    context_.tell_home(*membership, MemberOnline{attachment_of(*membership)});
  }
}

// What is in flight when the connection is lost. A $share keeps QoS 2 deliveries for this client [MQTT-4.8.2-4]: they
// are returned. All else is another member's, so that this session forgets it; a packet id that the client may have
// taken for QoS 2 is released with its next connection.
RecordPlaces GroupMembers::give_up_in_flight(Membership& membership) {
  RecordPlaces kept;
  std::vector<mqtt::PacketId> forgotten;
  InFlightWindow& window = membership.feed.session->in_flight;
  for (InFlightMessage& message : window.messages()) {
    if (message.feed != &membership.feed) continue;
    if (message.awaiting == Awaiting::puback) {
      forgotten.push_back(message.packet_id());
    } else if (membership.kind == GroupKind::share && message.awaiting != Awaiting::clearing) {
      kept.push_back({message.partition, message.offset});
    } else {
      message.awaiting = Awaiting::pubcomp;
      message.feed = nullptr;
    }
  }
  for (const mqtt::PacketId id : forgotten) window.remove(id);
  return kept;
}

void GroupMembers::detach(Session& session) {
  for (std::size_t i = session.memberships.size(); i-- > 0;) {
    Membership& membership = *session.memberships[i];
    report_settled(membership);
    membership.pending.clear();
    RecordPlaces kept = give_up_in_flight(membership);
    if (!membership.leaving) {
      context_.tell_home(membership, MemberOffline{std::move(kept)});
      continue;
    }
    for (InFlightMessage& message : session.in_flight.messages()) {
      if (message.feed == &membership.feed) message.feed = nullptr;  // the session finishes them [MQTT-3.10.4-3]
    }
    end(membership, std::move(kept));
  }
}

void GroupMembers::forget(Session& session) {
  while (!session.memberships.empty()) {
    Membership& membership = *session.memberships.back();
    report_settled(membership);
    end(membership, give_up_in_flight(membership));  // [MQTT-4.8.2-5]
  }
}

// --- from the home ---

void GroupMembers::on_hand_over(const GroupMessage& message, const HandOver& hand_over) {
  Session* session = sessions_.find_epoch(message.member.session_epoch);
  if (session == nullptr || session->connection == nullptr) return;
  Membership* membership = find(*session, message.group);
  // The home knows of every detachment and of every membership that ended, and has taken back what was under way then.
  if (membership == nullptr || membership->attachment != hand_over.attachment) return;
  if (membership->full) {  // was under way when the home was told
    context_.tell_home(*membership, MemberFull{hand_over.places});
    return;
  }
  membership->pending.insert(membership->pending.end(), hand_over.places.begin(), hand_over.places.end());
  delivery_.wake(*session);
}

}  // namespace bitacora::bridge
