// One request as handlers see it, and the answer they give: plain values that know nothing of sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/errc.h"
#include "storage/stored_batches.h"

namespace bitacora::http {

class Caller;

struct NamedValue {
  std::string name;
  std::string value;
};

// Path and query are percent-decoded. '+' stands for itself in both: it is a wildcard of MQTT and a sign of a time
// zone.
struct Request {
  std::string method;
  std::string path;                  // as it came, for messages
  std::vector<NamedValue> captured;  // what the route's {names} stand for
  std::vector<NamedValue> query;     // only names that the route knows, each at most once
  std::string accept;
  std::string content_type;
  std::string last_event_id;
  std::string body;
  std::shared_ptr<Caller> caller;  // who asks; null on routes that are open to everybody

  [[nodiscard]] const std::string& capture(std::string_view name) const;             // must be one of the route's
  [[nodiscard]] const std::string* parameter(std::string_view name) const noexcept;  // nullptr if it was not given
};

struct Answer {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<NamedValue> headers{};
  std::optional<storage::StoredBatches> stored{};  // the body instead
};

// {"error_code": n, "message": "..."}. The code is the status, or one of Confluent's five digits for it.
[[nodiscard]] Answer error_answer(unsigned status, std::string_view message);
[[nodiscard]] Answer error_answer(unsigned status, int error_code, std::string_view message);
[[nodiscard]] Answer error_answer(const storage::Error& error);

inline constexpr int topic_not_found = 40401;
inline constexpr int partition_not_found = 40402;

}  // namespace bitacora::http
