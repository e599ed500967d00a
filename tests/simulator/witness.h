// Whom the actors of a simulation tell what they do and what they are told: the checker, and a ledger where one is
// wanted. What no fact can say (a session that is gone, an answer that never comes) is a complaint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proof/checker.h"
#include "proof/ledger.h"

namespace bitacora::sim {

class Witness {
 public:
  explicit Witness(std::optional<proof::LedgerWriter> ledger = std::nullopt) : ledger_(std::move(ledger)) {}

  void take(const proof::Fact& fact) {
    if (ledger_) ledger_->append(fact);
    checker_.take(fact);
  }
  void complain(std::string what) { complaints_.push_back(std::move(what)); }
  [[nodiscard]] std::uint32_t next_reading() noexcept { return ++readings_; }
  [[nodiscard]] const proof::Checker& checker() const noexcept { return checker_; }
  [[nodiscard]] const std::vector<std::string>& complaints() const noexcept { return complaints_; }

 private:
  std::optional<proof::LedgerWriter> ledger_;
  proof::Checker checker_;
  std::vector<std::string> complaints_;
  std::uint32_t readings_ = 0;
};

}  // namespace bitacora::sim
