#include "bridge/topic_search.h"

#include <string>

#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

// What every topic that the filter matches begins with: the levels in front of the first wildcard.
std::string_view literal_prefix(std::string_view filter) {
  const std::size_t wildcard = filter.find_first_of("+#");
  if (wildcard == std::string_view::npos) return filter;
  const bool parent_matches = filter[wildcard] == '#' && wildcard > 0;  // "a/#" matches "a" as well
  return filter.substr(0, wildcard - (parent_matches ? 1 : 0));
}

}  // namespace

std::shared_ptr<const storage::KeyFilter> search_for_topics(std::string_view topic_filter) {
  if (topic_filter == "#") return nullptr;
  return std::make_shared<const storage::KeyFilter>(storage::KeyFilter{
      std::string(literal_prefix(topic_filter)), [filter = std::string(topic_filter)](std::string_view key) {
        return !key.empty() && mqtt::matches(filter, key);
      }});
}

}  // namespace bitacora::bridge
