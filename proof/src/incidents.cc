#include "incidents.h"

#include <algorithm>

namespace bitacora::proof {

void Incidents::ready(std::int64_t at_ms, Findings& findings) {
  if (fault_ended_ && at_ms - *fault_ended_ > ready_within_ms_) {
    findings.add(Invariant::I10,
                 "ready only " + std::to_string(at_ms - *fault_ended_) + " ms after the fault had ended");
  }
  fault_ended_.reset();
}

void Incidents::counted(std::uint64_t count, Findings& findings) const {
  if (count < refused_) {
    findings.add(Invariant::I11,
                 std::to_string(refused_) + " publishes were refused and " + std::to_string(count) + " are counted");
  }
}

void Incidents::check(Findings& findings) const {
  if (fault_ended_) findings.add(Invariant::I10, "never ready again after the fault had ended");
  for (const Injected& harm : injected_) {
    const bool told = std::ranges::any_of(reported_, [&](const Reported& report) {
      return report.harm == harm.harm && report.log == harm.log && report.partition == harm.partition &&
             report.begin < harm.end && harm.begin < report.end;
    });
    if (told) continue;
    findings.add(Invariant::I11, harm.log + "/" + std::to_string(harm.partition) +
                                     ": nobody was told of the harm to [" + std::to_string(harm.begin) + ", " +
                                     std::to_string(harm.end) + ")");
  }
}

}  // namespace bitacora::proof
