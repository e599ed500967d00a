// Integers that do not mix: an MQTT packet id is not a Kafka offset is not an index. Declare one with an empty tag:
//   using ShardIndex = Strong<struct ShardIndexTag, std::uint32_t>;
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace bitacora {

template <class Tag, class Integer>
class Strong {
 public:
  using value_type = Integer;
  constexpr Strong() noexcept = default;
  constexpr explicit Strong(Integer value) noexcept : value_(value) {}
  [[nodiscard]] constexpr Integer value() const noexcept { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) noexcept = default;

 private:
  Integer value_{};
};

}  // namespace bitacora

template <class Tag, class Integer>
struct std::hash<bitacora::Strong<Tag, Integer>> {
  std::size_t operator()(bitacora::Strong<Tag, Integer> id) const noexcept { return std::hash<Integer>{}(id.value()); }
};
