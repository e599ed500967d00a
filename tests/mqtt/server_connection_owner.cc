#include "mqtt/server_connection_owner.h"

namespace bitacora::mqtt {
namespace {

constexpr std::size_t patience = 3;  // answers

}  // namespace

void BackwardsOwner::take_events() {
  while (auto event = connection_.poll_event()) {
    events_.push_back(describe(*event));
    std::visit([this](const auto& alternative) { on(alternative); }, *event);
  }
}

void BackwardsOwner::give_answers() {
  for (; !owed_.empty(); owed_.pop_back()) connection_.answer(owed_.back().first, owed_.back().second);
}

void BackwardsOwner::owe(AnswerSlot slot, Packet answer) {
  owed_.emplace_back(slot, std::move(answer));
  if (owed_.size() == patience) give_answers();
}

void BackwardsOwner::on(const ConnectEvent& event) { connection_.connack(event.slot, Connack{}, clock_.now()); }

void BackwardsOwner::on(const PublishEvent& event) {
  const std::uint16_t id = event.packet.packet_id.value();
  if (event.packet.qos == QoS::at_least_once) owe(event.slot, ack<Puback>(id));
  if (event.packet.qos == QoS::exactly_once) owe(event.slot, ack<Pubrec>(id));
}

void BackwardsOwner::on(const PubrelEvent& event) { owe(event.slot, ack<Pubcomp>(event.packet.packet_id.value())); }

void BackwardsOwner::on(const SubscribeEvent& event) {
  owe(event.slot, Suback{event.packet.packet_id, std::vector<ReasonCode>(event.packet.entries.size()), {}});
}

void BackwardsOwner::on(const UnsubscribeEvent& event) {
  owe(event.slot, Unsuback{event.packet.packet_id, std::vector<ReasonCode>(event.packet.filters.size()), {}});
}

}  // namespace bitacora::mqtt
