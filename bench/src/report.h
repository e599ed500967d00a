// What a run found, for a person and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "histogram.h"
#include "ledger.h"
#include "process_use.h"

namespace bitacora::bench {

// One measured stretch of a run: "publish", "deliver", "resume".
struct Phase {
  std::string name;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // as they came over the wire; 0: not measured
  double seconds = 0;
  std::string latency_of;  // what `latency` measures; empty: nothing
  Histogram latency{};
  double server_cpu_s = 0;
  double loader_cpu_s = 0;
  ProcessUse server_before{};
  ProcessUse server_after{};

  [[nodiscard]] double rate() const { return seconds > 0 ? static_cast<double>(messages) / seconds : 0; }  // messages/s
};

struct Report {
  std::string command;
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<Phase> phases;

  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;  // QoS 0: always 0
  std::uint64_t refused = 0;
  std::uint64_t unexpected = 0;  // acknowledgements that answer nothing
  bool has_deliveries = false;   // whether `expected` and `findings` were measured
  std::uint64_t expected = 0;    // deliveries, over all subscribers
  Findings findings{};
  std::vector<std::string> failures;  // connections that ended early, time-outs

  std::uint8_t qos = 0;
  // Every promise that the protocol makes for this QoS was kept: QoS 0 may lose, QoS 1 may repeat.
  [[nodiscard]] bool is_good() const;
};

void print(const Report& report);
[[nodiscard]] std::string to_json(const Report& report);

}  // namespace bitacora::bench
