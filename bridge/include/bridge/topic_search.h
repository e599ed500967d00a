// A topic filter as the log's key index can look for it: the log knows keys, and a record's key is its MQTT topic.
#pragma once

#include <memory>
#include <string_view>

#include "storage/key_search.h"

namespace bitacora::bridge {

// Wants every key that `topic_filter`, a valid one, matches; nullptr where a search would save nothing ("#").
[[nodiscard]] std::shared_ptr<const storage::KeyFilter> search_for_topics(std::string_view topic_filter);

}  // namespace bitacora::bridge
