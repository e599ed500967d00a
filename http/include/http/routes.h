// What can be asked of the HTTP door: the routing table as values, for documents and for the test that holds
// openapi.json to it.
#pragma once

#include <string_view>
#include <vector>

namespace bitacora::http {

struct RouteInfo {
  std::string_view method;                   // "GET"
  std::string_view pattern;                  // "/topics/{log}/partitions/{partition}"
  std::vector<std::string_view> parameters;  // of the query; anything else in the query is refused
};

[[nodiscard]] std::vector<RouteInfo> routes();

// The OpenAPI 3 document that GET /openapi.json gives.
[[nodiscard]] std::string_view openapi_document() noexcept;

}  // namespace bitacora::http
