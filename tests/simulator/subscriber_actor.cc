#include "simulator/subscriber_actor.h"

namespace bitacora::sim {

std::optional<proof::Place> place_of(const std::map<std::string, std::string>& user_properties) {
  const auto log = user_properties.find("log");
  const auto partition = user_properties.find("partition");
  const auto offset = user_properties.find("offset");
  if (log == user_properties.end() || partition == user_properties.end() || offset == user_properties.end()) {
    return std::nullopt;
  }
  return proof::Place{log->second, std::stoi(partition->second), std::stoll(offset->second)};
}

void SubscriberActor::connect() {
  client_.connect(terms_.clean);
  connecting_ = true;
  if (!has_session_ || terms_.clean == mqtt::CleanStart::yes) subscribe();
}

void SubscriberActor::step() {
  for (; told_ < client_.received.size(); ++told_) {
    const Delivered& delivered = client_.received[told_];
    const auto place = place_of(delivered.user);
    witness_.take(proof::Delivered{terms_.subscriber, delivered.topic, proof::identify(delivered.payload), place});
    if (terms_.consumes && delivered.acknowledged && place) {
      witness_.take(proof::Consumed{terms_.subscriber, *place});
    }
  }
  if (!client_.connected() || !client_.connack) return;
  if (std::exchange(connecting_, false) && has_session_ && terms_.clean == mqtt::CleanStart::no &&
      client_.connack->session_present == mqtt::SessionPresent::no) {
    witness_.complain("the session of " + terms_.client_id + " is lost");
    subscribe();
  }
  if (subscribed_ || client_.suback.empty() || mqtt::is_error(client_.suback.front())) return;
  subscribed_ = true;
  has_session_ = terms_.clean == mqtt::CleanStart::no;
  if (terms_.is_owed) witness_.take(proof::Subscribed{terms_.subscriber, terms_.topic_prefix, terms_.order});
}

}  // namespace bitacora::sim
