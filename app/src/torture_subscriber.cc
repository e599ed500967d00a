#include "torture_subscriber.h"

#include <algorithm>

#include "proof/payload.h"

namespace bitacora::app::torture {
namespace {

constexpr mqtt::PacketId subscribe_id(1);

mqtt::Subscribe subscribe_to(const std::string& filter, mqtt::QoS qos) {
  return {.packet_id = subscribe_id, .entries = {{.filter = filter, .options = {.maximum_qos = qos}}}};
}

ConnectionTerms of_the_moment(std::string client_id) {
  return {.client_id = std::move(client_id), .clean_start = mqtt::CleanStart::yes};
}

}  // namespace

void Seen::enter(const proof::Content& content) {
  if (content.kind != proof::Content::Kind::message) return;
  std::vector<bool>& had = by_publisher[content.publisher];
  if (had.size() <= content.sequence) had.resize(content.sequence + 1);
  had[content.sequence] = true;
}

std::uint64_t Seen::missing(const std::string& publisher, const std::vector<bool>& acknowledged) const {
  const auto had = by_publisher.find(publisher);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < acknowledged.size(); ++i) {
    const bool is_there = had != by_publisher.end() && i < had->second.size() && had->second[i];
    if (acknowledged[i] && !is_there) ++count;
  }
  return count;
}

Subscriber::Subscriber(SubscriberTerms terms, std::shared_ptr<Seen> seen, Tell tell)
    : Connection(terms.connection), terms_(std::move(terms)), seen_(std::move(seen)), tell_(std::move(tell)) {}

void Subscriber::on_connack(mqtt::SessionPresent session) {
  if (session == mqtt::SessionPresent::yes && subscribed_) return;
  if (subscribed_) complain("its session was lost");
  send(subscribe_to(terms_.filter, terms_.qos));
}

void Subscriber::on_packet(const mqtt::Packet& packet) {
  if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    on_publish(*publish);
  } else if (const auto* pubrel = std::get_if<mqtt::Pubrel>(&packet)) {
    send(mqtt::Pubcomp{{.packet_id = pubrel->packet_id}});
  } else if (const auto* suback = std::get_if<mqtt::Suback>(&packet)) {
    if (suback->reasons.size() != 1 || suback->reasons.front() >= mqtt::ReasonCode::unspecified_error) {
      return complain("its subscription was refused: " + mqtt::format(packet));
    }
    subscribed_ = true;
    if (!std::exchange(seen_->is_subscribed, true)) tell_(proof::Subscribed{terms_.name, terms_.prefix, terms_.order});
  }
}

void Subscriber::on_publish(const mqtt::Publish& publish) {
  const proof::Content content = proof::identify(publish.payload);
  const std::optional<proof::Place> place = place_of(publish.properties);
  seen_->enter(content);
  tell_(proof::Delivered{terms_.name, std::string(publish.topic), content, place});
  if (terms_.is_group && place) tell_(proof::Consumed{terms_.name, *place});
  if (publish.qos == mqtt::QoS::at_least_once) send(mqtt::Puback{{.packet_id = publish.packet_id}});
  if (publish.qos == mqtt::QoS::exactly_once) send(mqtt::Pubrec{{.packet_id = publish.packet_id}});
}

Replay::Replay(std::string client_id, Part part, std::uint32_t reading, Tell tell)
    : Connection(of_the_moment(std::move(client_id))),
      part_(std::move(part)),
      reading_(reading),
      tell_(std::move(tell)),
      next_(part_.begin) {}

void Replay::on_connack(mqtt::SessionPresent) {
  tell_(proof::ReadingBegan{reading_, part_.log, part_.partition, part_.begin, part_.begin});
  const std::string filter =
      "$log/" + part_.log + "/" + std::to_string(part_.partition) + "/" + std::to_string(part_.begin);
  send(subscribe_to(filter, mqtt::QoS::at_least_once));
}

void Replay::on_packet(const mqtt::Packet& packet) {
  const auto* publish = std::get_if<mqtt::Publish>(&packet);
  if (publish == nullptr || is_done()) return;
  const auto place = place_of(publish->properties);
  if (!place) return complain("a replayed message does not say where it is from");
  tell_(proof::ReadRecord{reading_, place->offset, std::string(publish->topic), proof::identify(publish->payload)});
  next_ = place->offset + 1;
  if (publish->qos == mqtt::QoS::at_least_once) send(mqtt::Puback{{.packet_id = publish->packet_id}});
  if (is_done()) tell_(proof::ReadingEnded{reading_, next_});
}

RetainedReader::RetainedReader(std::string client_id, std::string filter, std::vector<std::string> expected, Tell tell)
    : Connection(of_the_moment(std::move(client_id))),
      filter_(std::move(filter)),
      missing_(std::move(expected)),
      tell_(std::move(tell)) {}

void RetainedReader::on_connack(mqtt::SessionPresent) { send(subscribe_to(filter_, mqtt::QoS::at_most_once)); }

void RetainedReader::on_packet(const mqtt::Packet& packet) {
  const auto* publish = std::get_if<mqtt::Publish>(&packet);
  if (publish == nullptr || publish->retain == mqtt::Retain::no) return;
  if (std::erase(missing_, publish->topic) == 0) return;
  tell_(proof::RetainedRead{std::string(publish->topic), proof::identify(publish->payload)});
}

void RetainedReader::give_up() {
  for (const std::string& topic : missing_) tell_(proof::RetainedRead{topic, {}});
  missing_.clear();
}

}  // namespace bitacora::app::torture
