// The routing table: one line a route. A handler is one of three kinds, by what it has to wait for.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "door.h"
#include "exchange.h"

namespace bitacora::http {

// The body of an answer that has no end: server-sent events.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Sends it, after the status line and headers if it is the first, and returns when the client's side took it: that is
  // what holds a fast log back for a slow reader. false: the client is gone.
  virtual asio::awaitable<bool> write(std::string_view events) = 0;
};

using PlainHandler = Answer (*)(Door&, const Request&);
using WaitingHandler = asio::awaitable<Answer> (*)(Door&, const Request&);
// Gives an answer instead of a stream if it has written nothing; nullopt when the stream has ended.
using StreamHandler = asio::awaitable<std::optional<Answer>> (*)(Door&, const Request&, EventStream&);
using Handler = std::variant<PlainHandler, WaitingHandler, StreamHandler>;

enum class Entry : std::uint8_t {
  callers,  // who asks must be let in
  open,     // nobody is asked who they are
};

struct Route {
  std::string_view method;
  std::string_view pattern;
  std::vector<std::string_view> parameters;
  Handler handler;
  Entry entry = Entry::callers;
};

[[nodiscard]] std::span<const Route> route_table();

// A target is what stands in the request line: "/topics/mqtt?internal=true".
struct RoutedRequest {
  const Route* route = nullptr;
  Request request;  // method, path, captured and query are set
};
// The answer instead, if nothing may be asked like this: 400, 404, 405.
[[nodiscard]] std::variant<RoutedRequest, Answer> route_request(std::string_view method, std::string_view target);

}  // namespace bitacora::http
