// Makes guessing slow. A login that fails is answered late once several of its address or for its user have failed:
// the delay doubles up to an end. One that is right is answered at once, so neither a neighbour behind the same
// gateway nor somebody who guesses at a name keeps anyone out. Where as many late answers are held back as may be, of
// an address or for a user, no more of that address are judged, and for that user only those of addresses that have
// not failed lately.
//
// Knows no clock and no threads: its owner calls it from one thread at a time, holds the answers back, and says when
// each was given.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace bitacora::identity {

struct FailedLoginTerms {
  std::uint32_t free = 5;                      // of one address or user, answered at once
  std::chrono::milliseconds first_delay{500};  // of the next one; twice as much for each after it
  std::chrono::milliseconds longest_delay{5'000};
  std::size_t max_held = 16;                  // answers of one address or user that wait at once
  std::chrono::milliseconds memory{900'000};  // after which a failure is forgotten
  std::size_t max_known = 10'000;  // addresses and users; past it those that failed longest ago are forgotten
  friend bool operator==(const FailedLoginTerms&, const FailedLoginTerms&) = default;
};

class FailedLogins {
 public:
  explicit FailedLogins(const FailedLoginTerms& terms) : terms_(terms) {}

  // Whether a login may be judged now. `peer` as ConnectionOrigin has it, with its port; `user` may be empty.
  [[nodiscard]] bool may_try(std::string_view peer, std::string_view user) const;
  // How long the answer is to be held back; on_answered() is to follow, whatever it was.
  [[nodiscard]] std::chrono::milliseconds on_failure(std::string_view peer, std::string_view user, MonotonicTime now);
  void on_answered(std::string_view peer, std::string_view user);

  [[nodiscard]] std::size_t known() const noexcept { return failures_.size(); }

 private:
  struct Failures {
    std::string of;
    std::uint32_t count = 0;
    std::size_t held = 0;
    MonotonicTime last;
  };
  using Newest = std::list<Failures>;  // front: failed last

  [[nodiscard]] const Failures* find(const std::string& of) const;
  [[nodiscard]] std::chrono::milliseconds count(const std::string& of, MonotonicTime now);
  void answered(const std::string& of);
  void forget_old(MonotonicTime now);

  const FailedLoginTerms terms_;
  Newest newest_;
  std::unordered_map<std::string_view, Newest::iterator> failures_;  // the views are of `newest_`
};

// Whose guesses are counted together: the address without its port, of an IPv6 address the network (its first 64 bits,
// which is what one customer has).
[[nodiscard]] std::string network_of(std::string_view peer);

}  // namespace bitacora::identity
