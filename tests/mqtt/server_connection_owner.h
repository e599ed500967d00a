// An owner of a ServerConnection that answers everything, but never in order: it keeps what it owes until a few answers
// are due and gives the latest first. What it does follows from the events alone, not from how the bytes were cut.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mqtt/server_connection_talk.h"

namespace bitacora::mqtt {

class BackwardsOwner {
 public:
  BackwardsOwner(ServerConnection& connection, const Clock& clock) : connection_(connection), clock_(clock) {}

  // Takes all events there are.
  void take_events();
  void give_answers();  // all that are owed, the latest first

  // Every event, described, in order.
  [[nodiscard]] const std::vector<std::string>& events() const noexcept { return events_; }

 private:
  void on(const ConnectEvent& event);
  void on(const PublishEvent& event);
  void on(const PubrelEvent& event);
  void on(const SubscribeEvent& event);
  void on(const UnsubscribeEvent& event);
  void on(const AuthEvent&) {}
  void on(const AckEvent&) {}
  void on(const ClosedEvent&) {}
  void owe(AnswerSlot slot, Packet answer);

  ServerConnection& connection_;
  const Clock& clock_;
  std::vector<std::string> events_;
  std::vector<std::pair<AnswerSlot, Packet>> owed_;
};

}  // namespace bitacora::mqtt
