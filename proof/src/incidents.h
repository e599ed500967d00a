// I10 and I11: what was done to the server, and what it said of it.
#pragma once

#include <optional>
#include <vector>

#include "findings.h"
#include "proof/fact.h"

namespace bitacora::proof {

class Incidents {
 public:
  explicit Incidents(std::int64_t ready_within_ms) : ready_within_ms_(ready_within_ms) {}

  void ended() {
    fault_ended_.reset();
    refused_ = 0;
  }
  void fault_ended(std::int64_t at_ms) { fault_ended_ = at_ms; }
  void ready(std::int64_t at_ms, Findings& findings);
  void refused() { ++refused_; }
  void counted(std::uint64_t count, Findings& findings) const;
  void injected(const Injected& fact) { injected_.push_back(fact); }
  void reported(const Reported& fact) { reported_.push_back(fact); }
  void check(Findings& findings) const;

 private:
  std::int64_t ready_within_ms_;
  std::optional<std::int64_t> fault_ended_;  // and not ready since
  std::uint64_t refused_ = 0;                // since the server was started
  std::vector<Injected> injected_;
  std::vector<Reported> reported_;
};

}  // namespace bitacora::proof
