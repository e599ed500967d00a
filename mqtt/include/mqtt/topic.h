// Topic names and topic filters: their grammar (section 4.7) and when one matches the other.
#pragma once

#include <cstddef>
#include <string_view>

namespace bitacora::mqtt {

// At least one character, at most 65535 bytes, no '+', '#' or U+0000 [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
// [MQTT-4.7.3-3]. UTF-8 is the codec's to check.
[[nodiscard]] bool is_valid_topic_name(std::string_view name) noexcept;

// '#' alone in the last level, '+' alone in a level [MQTT-4.7.1-1] [MQTT-4.7.1-2], and the lengths as above.
[[nodiscard]] bool is_valid_topic_filter(std::string_view filter) noexcept;

// Both valid. `+` one level, `#` the rest including the parent; a leading wildcard does not match a name that begins
// with
// '$' [MQTT-4.7.2-1]. Iterative: no depth limit is needed.
[[nodiscard]] bool matches(std::string_view filter, std::string_view name) noexcept;

// Whether some topic name is matched by both filters, both valid. (A name that would be over 65535 bytes counts.)
[[nodiscard]] bool overlap(std::string_view filter_a, std::string_view filter_b) noexcept;

[[nodiscard]] bool has_wildcard(std::string_view filter) noexcept;
[[nodiscard]] std::size_t level_count(std::string_view text) noexcept;  // '/'s + 1

// Takes the first level off `rest` and returns it; after the last, `rest` is a default string_view (data() == nullptr).
[[nodiscard]] std::string_view take_level(std::string_view& rest) noexcept;

}  // namespace bitacora::mqtt
