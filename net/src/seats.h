// How many connections may be open at once: of one listener, and of the server as a whole. A connection takes a seat
// when it is accepted and gives it back when its socket is closed, on whatever thread that is.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

#include "address_limits.h"

namespace bitacora::net {

class Seats;

class Seat {
 public:
  Seat(Seat&& other) noexcept : seats_(std::exchange(other.seats_, nullptr)), place_(std::move(other.place_)) {}
  Seat& operator=(Seat&& other) noexcept {
    std::swap(seats_, other.seats_);
    std::swap(place_, other.place_);
    return *this;
  }
  ~Seat();

  // Which of its listener's addresses have how many connections, and this one's place among them.
  [[nodiscard]] AddressLimits& addresses() const noexcept;
  void keep(AddressLimits::Place place) noexcept { place_ = std::move(place); }

 private:
  friend class Seats;
  explicit Seat(Seats& seats) noexcept : seats_(&seats) {}
  Seats* seats_;
  AddressLimits::Place place_;
};

// Thread-safe; outlives its seats.
class Seats {
 public:
  // A seat here is one in `whole` as well, which outlives this.
  explicit Seats(std::size_t capacity, Seats* whole = nullptr) noexcept : whole_(whole), capacity_(capacity) {}

  [[nodiscard]] std::optional<Seat> take() noexcept {
    if (!occupy()) return std::nullopt;
    return Seat(*this);
  }
  // Those who sit stay, also when they are more than that.
  void set_capacity(std::size_t capacity) noexcept { capacity_.store(capacity, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool full() const noexcept { return taken() >= capacity(); }
  [[nodiscard]] AddressLimits& addresses() noexcept { return addresses_; }

 private:
  friend class Seat;
  [[nodiscard]] bool occupy() noexcept {
    if (taken_.fetch_add(1, std::memory_order_relaxed) < capacity() && (whole_ == nullptr || whole_->occupy())) {
      return true;
    }
    taken_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void give_back() noexcept {
    taken_.fetch_sub(1, std::memory_order_relaxed);
    if (whole_ != nullptr) whole_->give_back();
  }

  Seats* const whole_;
  std::atomic<std::size_t> capacity_;
  std::atomic<std::size_t> taken_{0};
  AddressLimits addresses_;
};

inline AddressLimits& Seat::addresses() const noexcept { return seats_->addresses(); }

inline Seat::~Seat() {
  if (seats_ != nullptr) seats_->give_back();
}

}  // namespace bitacora::net
