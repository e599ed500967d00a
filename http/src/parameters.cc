#include "parameters.h"

#include <charconv>

#include "caller.h"

namespace bitacora::http {

Parsed<std::int64_t> parse_number(std::string_view what, std::string_view text, std::int64_t lowest,
                                  std::int64_t highest) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && error == std::errc{} && end == text.data() + text.size() && value >= lowest &&
      value <= highest) {
    return value;
  }
  return Refused(error_answer(400, std::string(what) + " must be a whole number from " + std::to_string(lowest) +
                                       " to " + std::to_string(highest) + ", not \"" + std::string(text) + "\""));
}

Parsed<std::int64_t> number_parameter(const Request& request, std::string_view name, std::int64_t lowest,
                                      std::int64_t highest, std::int64_t absent) {
  const std::string* text = request.parameter(name);
  return text != nullptr ? parse_number(name, *text, lowest, highest) : Parsed<std::int64_t>(absent);
}

Parsed<storage::Log*> log_of(Door& door, const Request& request) {
  const auto log = door.service.find_log(request.capture("log"));
  if (!log) return Refused(error_answer(404, topic_not_found, log.error().message));
  if (!request.caller->may_see(**log)) return Refused(forbidden(door, "administer log/" + (*log)->name()));
  return *log;
}

Parsed<storage::Partition*> partition_of(Door& door, const Request& request) {
  const auto log = log_of(door, request);
  if (!log) return Refused(log.error());
  const auto number = parse_number("partition", request.capture("partition"), 0, INT32_MAX);
  if (!number) return Refused(number.error());
  const auto partition = door.service.find_partition(**log, static_cast<std::int32_t>(*number));
  if (!partition) return Refused(error_answer(404, partition_not_found, partition.error().message));
  return *partition;
}

}  // namespace bitacora::http
