// SubscribePath's second part: filters that make a session a member of a group.
#include <spdlog/spdlog.h>

#include "subscribe_path.h"

namespace bitacora::bridge {

SubscribePath::Granted SubscribePath::subscribe_group(Session& session, const mqtt::SubscribeEntry& entry,
                                                      std::uint32_t identifier, const GroupFilter& group) {
  if (const auto existing = session.subscriptions.find(entry.filter); existing != session.subscriptions.end()) {
    Subscription& subscription = *existing->second;  // [MQTT-3.8.4-3]: the session stays the member it is
    subscription.options = entry.options;
    subscription.identifier = identifier;
    return &subscription;
  }
  const std::string name = catalog_name(group);
  if (const Membership* other = GroupMembers::find(session, name)) {
    return tl::unexpected<Refusal>(
        Refusal{mqtt::ReasonCode::topic_filter_invalid,
                "the session is a member of that group already, by \"" + other->feed.name + "\""});
  }
  Membership& membership = GroupMembers::add(session, name, group.kind, std::string(entry.filter));
  auto subscription =
      std::make_unique<Subscription>(Subscription{std::string(entry.filter), std::string(group.topic_filter),
                                                  entry.options, identifier, &membership.feed, nullptr});
  Subscription& added = *subscription;
  session.subscriptions.emplace(added.filter, std::move(subscription));
  delivery_.add(added);
  return &added;
}

std::size_t SubscribePath::groups_among(const Session& session, const std::vector<std::string>& made) {
  return static_cast<std::size_t>(std::ranges::count_if(
      made, [&](const std::string& filter) { return session.subscriptions.find(filter)->second->feed->is_group(); }));
}

void SubscribePath::join_groups(Session& session, const std::vector<mqtt::SubscribeEntry>& entries,
                                const std::vector<std::string>& made, Ticket ticket) {
  for (const std::string& filter : made) {
    const Subscription& subscription = *session.subscriptions.find(filter)->second;
    if (!subscription.feed->is_group()) continue;
    const auto at = std::ranges::find(entries, filter, &mqtt::SubscribeEntry::filter);
    const auto parsed = parse_group_filter(filter);
    members_.join(*subscription.feed->membership, subscription.topic_filter, (*parsed)->from, ticket,
                  static_cast<std::size_t>(at - entries.begin()));
  }
}

void SubscribePath::on_join_refused(Operation& operation, Session* session, const std::string& group,
                                    const GroupJoined& answer) {
  operation.reasons.at(answer.entry) = answer.reason;
  if (session == nullptr) return;
  spdlog::info("client {}: joining group \"{}\" was refused: {}", session->client_id, group, answer.why);
  const Membership* membership = GroupMembers::find(*session, group);
  if (membership == nullptr) return;  // unsubscribed meanwhile
  const std::string filter = membership->feed.name;
  if (session->journaled) journal_.remove_subscription(*session->subscriptions.find(filter)->second);
  remove(*session, filter);
}

}  // namespace bitacora::bridge
