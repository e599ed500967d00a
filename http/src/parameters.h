// Numbers and names out of a request, each with the answer for when they are wrong.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "door.h"
#include "exchange.h"

namespace bitacora::http {

template <class T>
using Parsed = Result<T, Answer>;  // the value, or the answer that says why there is none
using Refused = Failure<Answer>;

// A whole number of [lowest, highest] in decimal digits.
[[nodiscard]] Parsed<std::int64_t> parse_number(std::string_view what, std::string_view text, std::int64_t lowest,
                                                std::int64_t highest);
// The same of a parameter that may be absent.
[[nodiscard]] Parsed<std::int64_t> number_parameter(const Request& request, std::string_view name, std::int64_t lowest,
                                                    std::int64_t highest, std::int64_t absent);

// {log} and {partition} of the path: 404 with Confluent's codes, 403 for a log of the server's own.
[[nodiscard]] Parsed<storage::Log*> log_of(Door& door, const Request& request);
[[nodiscard]] Parsed<storage::Partition*> partition_of(Door& door, const Request& request);

}  // namespace bitacora::http
