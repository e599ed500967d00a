#include "simulator/publisher_actor.h"

#include "simulator/subscriber_actor.h"

namespace bitacora::sim {
namespace {

mqtt::Retain retain_of(proof::Published::Kind kind) {
  return kind == proof::Published::Kind::plain ? mqtt::Retain::no : mqtt::Retain::yes;
}

}  // namespace

void PublisherActor::reconnect() {
  std::optional<mqtt::Will> will;
  std::string payload;
  if (!will_topic_.empty()) {
    const std::string name = client_.client_id() + "-will";
    payload = proof::make_payload(name, wills_);
    witness_.take(proof::Published{name, wills_++, will_topic_, 1});
    will.emplace();
    will->topic = will_topic_;
    will->payload = as_bytes(payload);
    will->qos = mqtt::QoS::at_least_once;
  }
  client_.connect(mqtt::CleanStart::no, will);
  resent_ = false;
}

void PublisherActor::tell_published(std::uint32_t sequence, const Sent& sent) {
  witness_.take(
      proof::Published{client_.client_id(), sequence, sent.topic, static_cast<std::uint8_t>(sent.qos), sent.kind});
}

void PublisherActor::publish(const std::string& topic, mqtt::QoS qos, proof::Published::Kind kind, std::size_t size) {
  if (!ready()) return;
  const std::uint32_t sequence = next_sequence_++;
  Sent sent{topic, {}, qos, kind, 0, false};
  if (kind != proof::Published::Kind::removal) sent.payload = proof::make_payload(client_.client_id(), sequence, size);
  tell_published(sequence, sent);
  sent.id = client_.publish(topic, sent.payload, qos, retain_of(kind));
  if (qos != mqtt::QoS::at_most_once) unfinished_.emplace(sequence, std::move(sent));
}

void PublisherActor::step() {
  if (!ready()) return;
  if (mqtt::is_error(client_.connack->reason)) return client_.drop();
  if (!resent_) {
    if (has_session_ && client_.connack->session_present == mqtt::SessionPresent::no) {
      witness_.complain("the session of " + client_.client_id() + " is lost");
    }
    has_session_ = true;
    client_.acknowledged.clear();
    client_.completed.clear();
    client_.refused.clear();
    client_.receipts.clear();
    resend();
    resent_ = true;
  }
  for (auto next = unfinished_.begin(); next != unfinished_.end();) {
    next = settle(next->first, next->second) ? std::next(next) : unfinished_.erase(next);
  }
}

void PublisherActor::resend() {
  for (const auto& [sequence, sent] : unfinished_) {
    if (sent.received) {
      client_.release(sent.id);
    } else {
      tell_published(sequence, sent);
      client_.resend_publish(sent.id, sent.topic, sent.payload, sent.qos, retain_of(sent.kind));
    }
  }
}

bool PublisherActor::settle(std::uint32_t sequence, Sent& sent) {
  if (const auto refused = client_.refused.find(sent.id); refused != client_.refused.end()) {
    witness_.take(proof::Refused{client_.client_id(), sequence, std::to_string(static_cast<int>(refused->second))});
    forget_answers(sent.id);
    return false;
  }
  if (!sent.received && client_.acknowledged.contains(sent.id)) {
    const bool exactly_once = sent.qos == mqtt::QoS::exactly_once;
    tell_acknowledged(sequence, sent, exactly_once ? proof::Answer::pubrec : proof::Answer::puback);
    if (!exactly_once) {
      forget_answers(sent.id);
      return false;
    }
    sent.received = true;
    client_.release(sent.id);
  }
  if (!sent.received || !client_.completed.contains(sent.id)) return true;
  tell_acknowledged(sequence, sent, proof::Answer::pubcomp);
  forget_answers(sent.id);
  return false;
}

void PublisherActor::tell_acknowledged(std::uint32_t sequence, const Sent& sent, proof::Answer by) {
  std::optional<proof::Place> place;
  if (by != proof::Answer::pubcomp) place = place_of(client_.receipts[sent.id]);
  witness_.take(proof::Acknowledged{client_.client_id(), sequence, by, place});
}

void PublisherActor::forget_answers(std::uint16_t id) {
  client_.acknowledged.erase(id);
  client_.completed.erase(id);
  client_.refused.erase(id);
  client_.receipts.erase(id);
}

}  // namespace bitacora::sim
