#include "torture_publisher.h"

#include <algorithm>
#include <charconv>

#include "proof/payload.h"

namespace bitacora::app::torture {
namespace {

constexpr std::uint32_t large_every = 16;
constexpr std::size_t large_factor = 40;

template <class Number>
bool parse(std::string_view text, Number& into) {
  return std::from_chars(text.data(), text.data() + text.size(), into).ec == std::errc();
}

}  // namespace

std::optional<proof::Place> place_of(const mqtt::Properties& properties) {
  proof::Place place;
  bool has_partition = false;
  bool has_offset = false;
  for (const auto& property : properties.user_properties) {
    if (property.name == "log") place.log = property.value;
    if (property.name == "partition") has_partition = parse(property.value, place.partition);
    if (property.name == "offset") has_offset = parse(property.value, place.offset);
  }
  return has_partition && has_offset && !place.log.empty() ? std::optional(place) : std::nullopt;
}

Publisher::Publisher(PublisherTerms terms, Tell tell)
    : Connection(terms.connection), terms_(std::move(terms)), tell_(std::move(tell)) {}

std::string Publisher::topic_of(std::uint32_t sequence) const {
  return is_retained(sequence) ? retained_topic() : terms_.prefix + "/" + std::to_string(sequence % terms_.topics);
}

void Publisher::publish(std::uint16_t id, std::uint32_t sequence, mqtt::Dup dup) {
  const std::string topic = topic_of(sequence);
  const std::size_t size = terms_.payload * (sequence % large_every == 0 ? large_factor : 1);
  const std::string payload = proof::make_payload(client_id(), sequence, size);
  tell_(proof::Published{
      .publisher = client_id(),
      .sequence = sequence,
      .topic = topic,
      .qos = static_cast<std::uint8_t>(terms_.qos),
      .kind = is_retained(sequence) ? proof::Published::Kind::retained : proof::Published::Kind::plain});
  send(mqtt::Publish{.topic = topic,
                     .payload = as_bytes(payload),
                     .qos = terms_.qos,
                     .retain = is_retained(sequence) ? mqtt::Retain::yes : mqtt::Retain::no,
                     .dup = dup,
                     .packet_id = mqtt::PacketId(id)});
}

std::uint16_t Publisher::free_id() {
  do ++last_id_;
  while (last_id_ == 0 || in_flight_.contains(last_id_));
  return last_id_;
}

void Publisher::pump() {
  while (is_connected() && !stopped_ && in_flight_.size() < terms_.window) {
    const std::uint16_t id = free_id();
    const std::uint32_t sequence = next_sequence_++;
    in_flight_[id] = {.sequence = sequence, .sent_at = std::chrono::steady_clock::now()};
    order_.push_back(id);
    publish(id, sequence, mqtt::Dup::no);
  }
}

void Publisher::on_connack(mqtt::SessionPresent session) {
  if (session == mqtt::SessionPresent::no && next_sequence_ != 0) complain("its session was lost");
  for (const std::uint16_t id : order_) {
    InFlight& message = in_flight_.at(id);
    message.sent_again = true;
    if (message.received) {
      send(mqtt::Pubrel{{.packet_id = mqtt::PacketId(id)}});
    } else {
      publish(id, message.sequence, mqtt::Dup::yes);
    }
  }
}

void Publisher::on_packet(const mqtt::Packet& packet) {
  if (const auto* puback = std::get_if<mqtt::Puback>(&packet)) {
    on_acknowledged(*puback, proof::Answer::puback);
  } else if (const auto* pubrec = std::get_if<mqtt::Pubrec>(&packet)) {
    on_acknowledged(*pubrec, proof::Answer::pubrec);
  } else if (const auto* pubcomp = std::get_if<mqtt::Pubcomp>(&packet)) {
    on_acknowledged(*pubcomp, proof::Answer::pubcomp);
  }
}

void Publisher::on_acknowledged(const mqtt::Ack& ack, proof::Answer answer) {
  const std::uint16_t id = ack.packet_id.value();
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end())
    return complain("was acknowledged packet " + std::to_string(id) + ", which it never sent");
  InFlight& message = found->second;
  if (ack.reason >= mqtt::ReasonCode::unspecified_error) {
    tell_(proof::Refused{client_id(), message.sequence, std::to_string(static_cast<int>(ack.reason))});
    return finish(id);
  }
  tell_(proof::Acknowledged{client_id(), message.sequence, answer, place_of(ack.properties)});
  if (answer == proof::Answer::pubrec) {
    message.received = true;
    return send(mqtt::Pubrel{{.packet_id = ack.packet_id}});
  }
  ++acknowledged_;
  if (acknowledged_sequences_.size() <= message.sequence) acknowledged_sequences_.resize(message.sequence + 1);
  acknowledged_sequences_[message.sequence] = true;
  if (!message.sent_again) {
    const auto took = std::chrono::steady_clock::now() - message.sent_at;
    latencies_us_.push_back(
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
  finish(id);
}

void Publisher::finish(std::uint16_t id) {
  in_flight_.erase(id);
  order_.erase(std::find(order_.begin(), order_.end(), id));
}

}  // namespace bitacora::app::torture
