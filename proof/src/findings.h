// What is broken so far: the first few of each invariant with their evidence, the others by their number.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proof/checker.h"

namespace bitacora::proof {

class Findings {
 public:
  void add(Invariant invariant, std::string evidence) {
    auto& shown = shown_[static_cast<std::size_t>(invariant)];
    ++counts_[static_cast<std::size_t>(invariant)];
    if (shown.size() < most_shown) shown.push_back(std::move(evidence));
  }
  [[nodiscard]] Verdict verdict(const Totals& totals) const {
    Verdict verdict{{}, counts_, totals};
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      for (const std::string& evidence : shown_[i]) verdict.breaches.push_back({static_cast<Invariant>(i), evidence});
    }
    return verdict;
  }

 private:
  static constexpr std::size_t most_shown = 8;
  std::array<std::vector<std::string>, invariant_names.size()> shown_;
  std::array<std::uint64_t, invariant_names.size()> counts_{};
};

}  // namespace bitacora::proof
