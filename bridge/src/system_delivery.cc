// Delivery of $SYS: not from a log, so at QoS 0, to who is there and can take it. The next change says it all again.
#include <algorithm>

#include "delivery.h"

namespace bitacora::bridge {

void Delivery::publish_system(std::string_view topic, std::string_view text) {
  for (const FeedMatch& match : matches_of(topic)) {
    Session& session = *match.feed->session;
    if (match.feed->is_replay() || session.connection == nullptr) continue;  // history has none of it
    if (room(session, mqtt::QoS::at_most_once) != Room::free) {
      context_.metrics.system_messages_dropped.add();
      continue;
    }
    send_system(session, topic, text, mqtt::Retain::no, match.identifiers);
  }
}

void Delivery::send_system(Session& session, std::string_view topic, std::string_view text, mqtt::Retain retain,
                           std::vector<std::uint32_t> identifiers) {
  mqtt::Publish publish;
  publish.topic = topic;
  publish.payload = as_bytes(text);
  publish.retain = retain;
  publish.properties.subscription_identifiers = std::move(identifiers);
  if (session.connection->mqtt.submit(publish)) {
    context_.metrics.deliveries.add();
    context_.metrics.delivery_bytes.add(text.size());
  } else {
    context_.metrics.deliveries_dropped_too_large.add();
  }
  context_.touch(*session.connection);
}

Delivery::Step Delivery::step_system(Session& session, RetainedWalk& walk) {
  if (context_.settings->sys_interval.count() == 0) return Step::done;
  const SystemTopics::Values& values = system_.values();
  auto at = walk.after ? values.upper_bound(*walk.after) : values.begin();
  for (; at != values.end(); ++at) {
    if (!mqtt::matches(walk.filter, at->first)) continue;
    if (!session.rights.may(identity::Action::subscribe, at->first)) continue;
    if (room(session, mqtt::QoS::at_most_once) != Room::free) return Step::blocked;
    std::vector<std::uint32_t> identifiers;
    if (walk.identifier != 0) identifiers.push_back(walk.identifier);
    send_system(session, at->first, at->second, mqtt::Retain::yes, std::move(identifiers));
    walk.after = at->first;
  }
  return Step::done;
}

}  // namespace bitacora::bridge
