#include "address_limits.h"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace bitacora::net {
namespace {

// An address without connections is as good as new after this: its allowance is whole again.
constexpr std::chrono::seconds idle_time{1};

}  // namespace

std::size_t AddressLimits::Hash::operator()(const IpAddress& address) const noexcept {
  return std::hash<std::string_view>{}(
      std::string_view(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()));
}

Result<AddressLimits::Place, AddressLimits::Refusal> AddressLimits::admit(const IpAddress& address,
                                                                          const AddressBounds& bounds,
                                                                          MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  forget_idle(now);
  const double most = bounds.max_per_second;
  const auto [found, is_new] = entries_.try_emplace(address, Entry{0, most, now});
  Entry& entry = found->second;
  const double seconds = std::chrono::duration<double>(now - entry.as_of).count();
  entry.allowance = std::min(most, entry.allowance + seconds * most);
  entry.as_of = now;
  if (entry.open >= bounds.max_open) return Failure<Refusal>(Refusal::too_many);
  if (entry.allowance < 1) return Failure<Refusal>(Refusal::too_fast);
  entry.allowance -= 1;
  ++entry.open;
  return Place(*this, address);
}

void AddressLimits::give_back(const IpAddress& address) {
  const std::lock_guard lock(mutex_);
  --entries_.find(address)->second.open;
}

std::size_t AddressLimits::known_addresses() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

// At most once in that time, so that it costs each connection little however many addresses there are.
void AddressLimits::forget_idle(MonotonicTime now) {
  if (now - swept_ < idle_time) return;
  swept_ = now;
  std::erase_if(entries_,
                [now](const auto& entry) { return entry.second.open == 0 && now - entry.second.as_of >= idle_time; });
}

}  // namespace bitacora::net
