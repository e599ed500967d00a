// Client ids whose connections throw each other out over and over: two devices with the same id, or one that connects
// again before it has noticed that it is connected. Past a number of takeovers in a minute the id is refused until that
// minute is over.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "bridge/subscription_tree.h"

namespace bitacora::bridge {

class TakeoverGuard {
 public:
  static constexpr std::chrono::minutes window{1};

  [[nodiscard]] bool refuses(std::string_view client_id, std::uint32_t max_takeovers, MonotonicTime now) {
    forget_old(now);
    const auto found = counts_.find(client_id);
    return found != counts_.end() && found->second > max_takeovers;
  }
  // One more connection of `client_id` would take the place of another.
  void count(std::string_view client_id, MonotonicTime now) {
    forget_old(now);
    const auto [entry, is_first] = counts_.try_emplace(std::string(client_id), 0);
    ++entry->second;
    if (is_first) begun_.emplace_back(now, entry->first);
  }

 private:
  void forget_old(MonotonicTime now) {
    for (; !begun_.empty() && now - begun_.front().first >= window; begun_.pop_front()) {
      counts_.erase(counts_.find(begun_.front().second));
    }
  }

  std::unordered_map<std::string, std::uint32_t, StringHash, std::equal_to<>> counts_;
  std::deque<std::pair<MonotonicTime, std::string>> begun_;  // each id's minute, oldest first
};

}  // namespace bitacora::bridge
