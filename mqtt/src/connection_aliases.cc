#include "connection_aliases.h"

#include <functional>

#include "base/assert.h"

namespace bitacora::mqtt {
namespace {

constexpr std::size_t alias_property_size = 3;  // identifier and two bytes: a topic of this size is not worth an alias

}  // namespace

std::optional<std::string_view> InboundAliases::resolve(std::string_view topic, std::uint16_t alias,
                                                        std::uint16_t maximum) {
  if (alias == 0 || alias > maximum) return std::nullopt;  // [MQTT-3.3.2-8] [MQTT-3.3.2-12]
  if (topic.empty()) {
    if (alias > topics_.size() || topics_[alias - 1].empty()) return std::nullopt;
    return topics_[alias - 1];
  }
  if (alias > topics_.size()) topics_.resize(alias);
  topics_[alias - 1].assign(topic);
  return topic;
}

std::size_t OutboundAliases::index_of(std::string_view topic) const noexcept {
  return std::hash<std::string_view>{}(topic) % topics_.size();
}

const Packet* OutboundAliases::apply(const Publish& publish) {
  if (publish.topic.size() <= alias_property_size) return nullptr;
  const std::size_t index = index_of(publish.topic);
  auto& aliased = std::get<Publish>(aliased_);
  aliased = publish;
  aliased.properties.topic_alias = static_cast<std::uint16_t>(index + 1);  // [MQTT-3.3.2-11]
  if (topics_[index] == publish.topic) aliased.topic = {};
  return &aliased_;
}

void OutboundAliases::established(const Publish& publish) { topics_[index_of(publish.topic)].assign(publish.topic); }

}  // namespace bitacora::mqtt
