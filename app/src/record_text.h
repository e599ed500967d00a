// Records as lines of text and of JSON, for a person and for jq.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/batch.h"

namespace bitacora::app {

// "2026-11-23T08:00:00.123Z"; a time outside of the years 0 to 9999 as plain milliseconds.
[[nodiscard]] std::string format_timestamp(Timestamp timestamp);

// The bytes as they are if they are UTF-8 without control characters, else "0x" and their hexadecimal digits.
[[nodiscard]] std::string format_bytes_as_text(ByteView bytes);

// "<time> <log>/<partition>@<offset> <key> <value>"; "-" for a key or value that is null.
[[nodiscard]] std::string format_record_as_text(std::string_view log, std::int32_t partition,
                                                const storage::RecordView& record);

// {"log":…,"partition":…,"offset":…,"timestamp":…,"key":…,"value":…,"headers":[{"name":…,"value":…}]} on one line. What
// is not UTF-8 stands as {"hex":"…"} in its place.
[[nodiscard]] std::string format_record_as_json(std::string_view log, std::int32_t partition,
                                                const storage::RecordView& record);

}  // namespace bitacora::app
