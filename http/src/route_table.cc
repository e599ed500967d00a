#include "route_table.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "handlers.h"
#include "http/routes.h"
#include "mqtt/codec.h"

namespace bitacora::http {
namespace {

namespace urls = boost::urls;

const std::vector<Route>& table() {
  static const std::vector<std::string_view> read_parameters{"offset",  "max_bytes", "max_records",
                                                             "timeout", "format",    "filter"};
  static const std::vector<Route> routes{
      {"GET", "/", {}, &get_index, Entry::open},
      {"GET", "/openapi.json", {}, &get_openapi, Entry::open},
      {"GET", "/topics", {"internal"}, &get_topics},
      {"GET", "/topics/{log}", {}, &get_topic},
      {"POST", "/topics/{log}", {}, &post_topic},
      {"GET", "/topics/{log}/partitions", {}, &get_partitions},
      {"GET", "/topics/{log}/partitions/{partition}", {}, &get_partition},
      {"POST", "/topics/{log}/partitions/{partition}", {}, &post_partition},
      {"GET", "/topics/{log}/partitions/{partition}/offsets", {"timestamp"}, &get_offsets},
      {"GET", "/topics/{log}/partitions/{partition}/records", read_parameters, &get_records},
      {"GET", "/topics/{log}/partitions/{partition}/batches", {"offset", "max_bytes"}, &get_batches},
      {"GET", "/groups", {}, &get_groups},
      {"DELETE", "/groups/{group}", {}, &delete_group},
      {"GET", "/groups/{group}/offsets", {}, &get_group_offsets},
      {"PUT", "/groups/{group}/offsets", {}, &put_group_offsets},
      {"GET", "/tail", {"filter", "from", "log", "format"}, &get_tail},
      {"GET", "/health", {}, &get_health, Entry::open},
      {"GET", "/metrics", {}, &get_metrics},
      {"GET", "/recovery", {}, &get_recovery},
  };
  return routes;
}

// '+' is no space: it is a wildcard of MQTT and a sign of a time zone.
std::string decoded(urls::pct_string_view text) {
  urls::encoding_opts options;
  options.space_as_plus = false;
  return text.decode(options);
}

std::vector<std::string_view> segments_of(std::string_view pattern) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', at + 1), pattern.size());
    if (end > at + 1) segments.push_back(pattern.substr(at + 1, end - at - 1));
    at = end;
  }
  return segments;
}

std::optional<std::vector<NamedValue>> match(std::string_view pattern, const std::vector<std::string>& path) {
  const std::vector<std::string_view> segments = segments_of(pattern);
  if (segments.size() != path.size()) return std::nullopt;
  std::vector<NamedValue> captured;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view segment = segments[i];
    if (segment.front() == '{') {
      captured.push_back({std::string(segment.substr(1, segment.size() - 2)), path[i]});
    } else if (segment != path[i]) {
      return std::nullopt;
    }
  }
  return captured;
}

std::string join(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

// Takes the query into the request; the answer if it has what the route does not know.
std::optional<Answer> take_query(const Route& route, const urls::url_view& url, Request& request) {
  for (const auto& parameter : url.encoded_params()) {
    NamedValue value{decoded(parameter.key), decoded(parameter.value)};
    if (value.name.empty() && value.value.empty()) continue;  // "?a=1&"
    if (std::find(route.parameters.begin(), route.parameters.end(), value.name) == route.parameters.end()) {
      return error_answer(400, "there is no parameter \"" + value.name + "\" here" +
                                   (route.parameters.empty() ? std::string("; this takes none")
                                                             : "; there are: " + join(route.parameters)));
    }
    if (request.parameter(value.name) != nullptr) {
      return error_answer(400, "parameter \"" + value.name + "\" is given twice");
    }
    if (!value.value.empty() && !mqtt::is_valid_utf8_string(value.value)) {
      return error_answer(400, "parameter \"" + value.name + "\" is not UTF-8");
    }
    request.query.push_back(std::move(value));
  }
  return std::nullopt;
}

}  // namespace

std::span<const Route> route_table() { return table(); }

std::vector<RouteInfo> routes() {
  std::vector<RouteInfo> all;
  for (const Route& route : table()) all.push_back({route.method, route.pattern, route.parameters});
  return all;
}

std::variant<RoutedRequest, Answer> route_request(std::string_view method, std::string_view target) {
  const auto url = urls::parse_origin_form(target);
  if (!url) return error_answer(400, "the request's target is no path with a query");
  std::vector<std::string> path;
  for (const auto& segment : url->encoded_segments()) path.push_back(decoded(segment));
  if (!path.empty() && path.back().empty()) path.pop_back();  // "/topics/" is "/topics"
  const auto readable = [](const std::string& segment) { return mqtt::is_valid_utf8_string(segment); };
  if (!std::all_of(path.begin(), path.end(), readable)) return error_answer(400, "the path is not UTF-8");

  std::vector<std::string_view> methods;
  for (const Route& route : table()) {
    auto captured = match(route.pattern, path);
    if (!captured) continue;
    methods.push_back(route.method);
    if (route.method != method && !(method == "HEAD" && route.method == "GET")) continue;
    RoutedRequest routed{&route, {}};
    routed.request.method = method;
    routed.request.path = target.substr(0, target.find('?'));
    routed.request.captured = std::move(*captured);
    if (auto refused = take_query(route, *url, routed.request)) return std::move(*refused);
    return routed;
  }
  if (methods.empty()) return error_answer(404, "there is nothing at this path; GET / lists what there is");
  Answer refused = error_answer(405, "this path takes " + join(methods));
  refused.headers.push_back({"Allow", join(methods)});
  return refused;
}

}  // namespace bitacora::http
