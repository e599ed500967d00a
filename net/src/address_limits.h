// How many connections one IP address may have open, and how fast it may open them: one machine that goes wrong, or
// means harm, does not take every place or all of the entrance's time. Of one listener.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "net/ip_address.h"

namespace bitacora::net {

struct AddressBounds {
  std::size_t max_open = 256;
  std::uint32_t max_per_second = 50;  // also how many may come at once after a quiet second
};

// Thread-safe: places are given back on whatever thread closes the connection. Outlives its places.
class AddressLimits {
 public:
  // One open connection of an address.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)), address_(other.address_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~Place() {
      if (limits_ != nullptr) limits_->give_back(address_);
    }

   private:
    friend class AddressLimits;
    Place(AddressLimits& limits, const IpAddress& address) noexcept : limits_(&limits), address_(address) {}
    AddressLimits* limits_ = nullptr;
    IpAddress address_;
  };

  enum class Refusal : std::uint8_t { too_many, too_fast };
  [[nodiscard]] Result<Place, Refusal> admit(const IpAddress& address, const AddressBounds& bounds, MonotonicTime now);

  [[nodiscard]] std::size_t known_addresses() const;

 private:
  struct Hash {
    std::size_t operator()(const IpAddress& address) const noexcept;
  };
  struct Entry {
    std::size_t open = 0;
    double allowance = 0;  // connections that may come now
    MonotonicTime as_of;
  };
  void give_back(const IpAddress& address);
  void forget_idle(MonotonicTime now);

  mutable std::mutex mutex_;
  std::unordered_map<IpAddress, Entry, Hash> entries_;
  MonotonicTime swept_;
};

}  // namespace bitacora::net
