#include "http/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <stdexcept>

namespace bitacora::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = beast::http;

}  // namespace

std::string Response::header(std::string_view name) const {
  for (const auto& [its_name, value] : headers) {
    if (beast::iequals(its_name, name)) return value;
  }
  return {};
}

struct HttpClient::State {
  explicit State(std::uint16_t its_port) : port(its_port) {}

  // Runs one asynchronous operation to its end; a time that is over closes the stream and is an error.
  template <class Start>
  boost::system::error_code run(Start&& start) {
    std::optional<boost::system::error_code> result;
    stream.expires_after(patience);
    start([&](boost::system::error_code error, std::size_t) { result = error; });
    io.restart();
    io.run();
    return result.value();
  }
  void must(boost::system::error_code error) {
    if (error) throw std::runtime_error("HTTP client: " + error.message());
  }
  void connect() {
    if (stream.socket().is_open()) return;
    stream.connect({asio::ip::address_v4::loopback(), port});
  }
  std::string line() {
    while (true) {
      if (const std::size_t end = text.find('\n'); end != std::string::npos) {
        std::string one = text.substr(0, end);
        text.erase(0, end + 1);
        return one;
      }
      must(run([&](auto done) { bhttp::async_read_some(stream, buffer, *tail, std::move(done)); }));
      text += std::exchange(tail->get().body(), {});
      if (tail->is_done() && text.find('\n') == std::string::npos) throw std::runtime_error("the tail has ended");
    }
  }

  std::uint16_t port;
  asio::io_context io;
  beast::tcp_stream stream{io};
  beast::flat_buffer buffer;
  std::optional<bhttp::response_parser<bhttp::string_body>> tail;
  std::string text;  // of the tail, not looked at yet
};

HttpClient::HttpClient(std::uint16_t port) : state_(std::make_unique<State>(port)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Response HttpClient::request(const ClientRequest& request) {
  send(request);
  return receive(request.method == "HEAD");
}

void HttpClient::send(const ClientRequest& request) {
  state_->connect();
  bhttp::request<bhttp::string_body> message;
  message.method_string(request.method);
  message.target(request.target);
  message.version(request.version);
  if (!request.host.empty()) message.set(bhttp::field::host, request.host);
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = request.body;
  if (!request.body.empty()) message.prepare_payload();
  // A refusal may come, and the connection close, before all is written: receive() will tell.
  (void)state_->run([&](auto done) { bhttp::async_write(state_->stream, message, std::move(done)); });
}

void HttpClient::send_raw(std::string_view bytes) {
  state_->connect();
  (void)state_->run([&](auto done) { asio::async_write(state_->stream, asio::buffer(bytes), std::move(done)); });
}

Response HttpClient::receive(bool to_head) {
  bhttp::response_parser<bhttp::string_body> parser;
  parser.body_limit(256 << 20);
  parser.skip(to_head);
  state_->must(
      state_->run([&](auto done) { bhttp::async_read(state_->stream, state_->buffer, parser, std::move(done)); }));
  Response response;
  response.status = parser.get().result_int();
  for (const auto& field : parser.get()) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  response.body = std::move(parser.get().body());
  return response;
}

bool HttpClient::closed_by_server() {
  char bytes[4096];
  while (true) {
    const auto error =
        state_->run([&](auto done) { state_->stream.async_read_some(asio::buffer(bytes), std::move(done)); });
    if (error == beast::error::timeout) return false;
    if (error) return true;
  }
}

Response HttpClient::open_tail(const std::string& target, const Headers& headers) {
  send({.method = "GET", .target = target, .headers = headers});
  state_->tail.emplace();
  state_->tail->body_limit(boost::none);
  state_->must(state_->run(
      [&](auto done) { bhttp::async_read_header(state_->stream, state_->buffer, *state_->tail, std::move(done)); }));
  Response response;
  response.status = state_->tail->get().result_int();
  for (const auto& field : state_->tail->get()) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return response;
}

ServerEvent HttpClient::next_event(bool with_comments) {
  ServerEvent event;
  while (true) {
    const std::string line = state_->line();
    if (line.empty()) {
      const bool something = !event.data.empty() || (with_comments && !event.comment.empty());
      if (something) return event;
      event = {};
      continue;
    }
    const std::size_t colon = line.find(": ");
    const std::string name = line.substr(0, colon);
    const std::string value = line.substr(colon + 2);
    if (name == "id") event.id = value;
    if (name == "event") event.event = value;
    if (name == "data") event.data += value;
    if (name.empty()) event.comment = value;
  }
}

}  // namespace bitacora::http
