// One client's connection: requests in, one after the other, answers out, until either side has enough.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <optional>

#include "door.h"
#include "exchange.h"
#include "route_table.h"
#include "wire.h"

namespace bitacora::http {

class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, Door& door);

  // Returns when the connection is closed.
  [[nodiscard]] asio::awaitable<void> run();
  // The door closes: an idle connection ends at once, one that has a request under way after its answer.
  void close_when_idle();

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;
  enum class Next : std::uint8_t { go_on, close };

  [[nodiscard]] asio::awaitable<bool> shake_hands();
  [[nodiscard]] asio::awaitable<Next> serve_one();
  [[nodiscard]] asio::awaitable<bool> await_first_byte();
  // The answer if the request cannot be read or must not be asked; nullopt when it is whole.
  [[nodiscard]] asio::awaitable<std::optional<Answer>> read_request(Parser& parser, RoutedRequest& routed);
  [[nodiscard]] std::optional<Answer> check_header(const Parser& parser, RoutedRequest& routed) const;
  // Sets who asks; the answer if nobody may, or nobody like this.
  [[nodiscard]] asio::awaitable<std::optional<Answer>> identify(const Parser& parser, RoutedRequest& routed);
  [[nodiscard]] asio::awaitable<Next> answer_request(const Parser& parser, const RoutedRequest& routed);
  [[nodiscard]] asio::awaitable<Next> write(const Parser& parser, Answer answer, Next next);
  [[nodiscard]] asio::awaitable<void> linger();

  const std::shared_ptr<const Admission> admitted_by_;  // when it came: TLS stays as it was
  Wire stream_;
  Door& door_;
  std::string peer_;  // "127.0.0.1:50123"
  beast::flat_buffer buffer_;
  bool idle_ = true;
};

}  // namespace bitacora::http
