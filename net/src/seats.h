// How many connections may be open at once. A connection takes a seat when it is accepted and gives it back when its
// socket is closed, on whatever thread that is.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

namespace bitacora::net {

class Seats;

class Seat {
 public:
  Seat(Seat&& other) noexcept : seats_(std::exchange(other.seats_, nullptr)) {}
  Seat& operator=(Seat&& other) noexcept {
    std::swap(seats_, other.seats_);
    return *this;
  }
  ~Seat();

 private:
  friend class Seats;
  explicit Seat(Seats& seats) noexcept : seats_(&seats) {}
  Seats* seats_;
};

// Thread-safe; outlives its seats.
class Seats {
 public:
  explicit Seats(std::size_t capacity) noexcept : capacity_(capacity) {}
  [[nodiscard]] std::optional<Seat> take() noexcept {
    if (taken_.fetch_add(1, std::memory_order_relaxed) < capacity_) return Seat(*this);
    give_back();
    return std::nullopt;
  }
  [[nodiscard]] std::size_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  friend class Seat;
  void give_back() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }
  const std::size_t capacity_;
  std::atomic<std::size_t> taken_{0};
};

inline Seat::~Seat() {
  if (seats_ != nullptr) seats_->give_back();
}

}  // namespace bitacora::net
