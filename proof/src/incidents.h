// I10 and I11: what was done to the server, and what it said of it.
#pragma once

#include <optional>
#include <vector>

#include "findings.h"
#include "messages.h"
#include "proof/fact.h"

namespace bitacora::proof {

class Incidents {
 public:
  explicit Incidents(std::int64_t ready_within_ms) : ready_within_ms_(ready_within_ms) {}

  void ended(FactNumber at) {
    ended_at_ = at;
    fault_ended_.reset();
    refused_ = 0;
  }
  void fault_ended(std::int64_t at_ms) { fault_ended_ = at_ms; }
  void ready(std::int64_t at_ms, Findings& findings);
  void refused() { ++refused_; }
  void counted(std::uint64_t count, Findings& findings) const;
  [[nodiscard]] bool has_unheard(std::uint64_t counted) const noexcept { return counted > refused_; }
  [[nodiscard]] FactNumber started() const noexcept { return ended_at_; }  // the life of the server that counts
  void injected(const Injected& fact) { injected_.push_back(fact); }
  void reported(const Reported& fact) { reported_.push_back(fact); }
  void check(Findings& findings) const;

 private:
  std::int64_t ready_within_ms_;
  std::optional<std::int64_t> fault_ended_;  // and not ready since
  FactNumber ended_at_ = 0;
  std::uint64_t refused_ = 0;  // since the server was started
  std::vector<Injected> injected_;
  std::vector<Reported> reported_;
};

}  // namespace bitacora::proof
