// What the ways to read a partition share: where to begin, the bounds in the headers, why it cannot be.
#pragma once

#include "bridge/start_position.h"
#include "exchange.h"
#include "parameters.h"
#include "storage/partition.h"

namespace bitacora::http {

// The parameter `offset`, "earliest" if it is absent.
[[nodiscard]] Parsed<bridge::StartPosition> offset_parameter(const Request& request);
void add_bounds(Answer& answer, const storage::Partition& partition);
// 416 with the bounds and 500 with the damaged range, in headers and body both.
[[nodiscard]] Answer refuse_read(const storage::Error& error, const storage::Partition& partition);

}  // namespace bitacora::http
