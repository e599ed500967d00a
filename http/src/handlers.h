// The handlers of the routing table, by the file they are in.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "door.h"
#include "exchange.h"
#include "route_table.h"

namespace bitacora::http {

// handle_index.cc
[[nodiscard]] Answer get_index(Door& door, const Request& request);
[[nodiscard]] Answer get_openapi(Door& door, const Request& request);

// handle_topics.cc
[[nodiscard]] Answer get_topics(Door& door, const Request& request);
[[nodiscard]] Answer get_topic(Door& door, const Request& request);
[[nodiscard]] Answer get_partitions(Door& door, const Request& request);
[[nodiscard]] Answer get_partition(Door& door, const Request& request);
[[nodiscard]] Answer get_offsets(Door& door, const Request& request);

// handle_records.cc
[[nodiscard]] asio::awaitable<Answer> get_records(Door& door, const Request& request);

// handle_batches.cc
[[nodiscard]] Answer get_batches(Door& door, const Request& request);

// handle_produce.cc
[[nodiscard]] asio::awaitable<Answer> post_topic(Door& door, const Request& request);
[[nodiscard]] asio::awaitable<Answer> post_partition(Door& door, const Request& request);

// handle_groups.cc
[[nodiscard]] Answer get_groups(Door& door, const Request& request);
[[nodiscard]] Answer delete_group(Door& door, const Request& request);
[[nodiscard]] Answer get_group_offsets(Door& door, const Request& request);
[[nodiscard]] Answer put_group_offsets(Door& door, const Request& request);

// handle_tail.cc
[[nodiscard]] asio::awaitable<std::optional<Answer>> get_tail(Door& door, const Request& request, EventStream& events);

// handle_health.cc
[[nodiscard]] Answer get_health(Door& door, const Request& request);
[[nodiscard]] Answer get_recovery(Door& door, const Request& request);

// handle_metrics.cc
[[nodiscard]] Answer get_metrics(Door& door, const Request& request);

}  // namespace bitacora::http
