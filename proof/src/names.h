// Texts by number: a ledger of a million publishes names a few topics and publishers over and over.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bitacora::proof {

class Names {
 public:
  [[nodiscard]] std::uint32_t add(std::string_view name) {
    if (const auto known = find(name)) return *known;
    names_.emplace_back(name);
    const auto number = static_cast<std::uint32_t>(names_.size() - 1);
    numbers_.emplace(names_.back(), number);
    return number;
  }
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] const std::string& operator[](std::uint32_t number) const { return names_[number]; }

 private:
  std::deque<std::string> names_;  // a view of one stays good
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

}  // namespace bitacora::proof
