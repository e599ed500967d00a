// Reads a log over HTTP from its first record to its committed end, partition after partition: as JSON, as the log's
// own batches, or what a topic filter matches. Checks that offsets follow one another without a hole.
#pragma once

#include <cstdint>
#include <string>

#include "event_loop.h"
#include "report.h"

namespace bitacora::bench {

enum class ReplayForm : std::uint8_t { json, batches };

struct HttpReplaySettings {
  Address address;
  std::string log = "mqtt";
  ReplayForm form = ReplayForm::json;
  std::string from = "earliest";       // as the server's `offset`
  std::string filter;                  // empty: every record; json only
  std::uint64_t max_bytes = 16 << 20;  // of one answer
  int server_pid = 0;
};

// Throws std::runtime_error where the server cannot be reached or answers otherwise than its documentation says.
[[nodiscard]] Report run_http_replay(const HttpReplaySettings& settings);

}  // namespace bitacora::bench
