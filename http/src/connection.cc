#include "connection.h"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>

#include "batch_body.h"
#include "host_check.h"
#include "login.h"
#include "record_json.h"

namespace bitacora::http {
namespace {

// In coroutines of this folder no co_await stands inside a condition: GCC 12 may then lay the coroutine's frame out 8
// bytes beside where it is resumed.

namespace bhttp = beast::http;
constexpr std::size_t read_bytes = 8 << 10;
// After an answer to a request that was not read whole: how much of the rest is read and thrown away, and for how long,
// so that the client sees the answer and not a reset.
constexpr std::size_t linger_bytes = 4 << 20;
constexpr std::chrono::milliseconds linger_time{1000};

template <class Message>
void set_common_headers(Message& message) {
  message.set(bhttp::field::server, "bitacora");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  message.set(bhttp::field::cache_control, "no-store");
}

// nullopt: the client is gone, there is nobody to answer.
std::optional<Answer> answer_unreadable(const boost::system::error_code& error, const HttpSettings& settings) {
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return error_answer(431, "the request's headers are over " + std::to_string(settings.max_header_bytes) + " bytes");
  }
  if (error == bhttp::error::body_limit) {
    return error_answer(413, "the body is over " + std::to_string(settings.max_body_bytes) +
                                 " bytes; send the records in several requests");
  }
  if (error.category() == bhttp::make_error_code(bhttp::error::bad_method).category() &&
      error != bhttp::error::end_of_stream && error != bhttp::error::partial_message) {
    return error_answer(400, "this is no HTTP request: " + error.message());
  }
  return std::nullopt;
}

// The stream of one tail, in HTTP/1.1's chunks or, for a 1.0 client, until the connection closes.
class SocketEventStream final : public EventStream {
 public:
  SocketEventStream(Wire& stream, std::chrono::milliseconds stall_timeout, bool chunked)
      : stream_(stream), stall_timeout_(stall_timeout), chunked_(chunked) {}

  [[nodiscard]] bool started() const noexcept { return started_; }

  asio::awaitable<bool> write(std::string_view events) override {
    if (!started_) {
      const bool begun = co_await write_header();
      if (!begun) co_return false;
    }
    std::string framed;
    if (chunked_) {
      std::array<char, 20> size{};
      framed.append(size.data(), std::to_chars(size.data(), size.data() + size.size(), events.size(), 16).ptr);
      framed += "\r\n";
    }
    framed += events;
    if (chunked_) framed += "\r\n";
    co_return co_await write_all(framed);
  }
  asio::awaitable<void> finish() {
    if (chunked_) (void)co_await write_all("0\r\n\r\n");
  }

 private:
  asio::awaitable<bool> write_header() {
    started_ = true;
    bhttp::response<bhttp::empty_body> header{bhttp::status::ok, chunked_ ? 11U : 10U};
    set_common_headers(header);
    header.set(bhttp::field::content_type, "text/event-stream");
    header.set("X-Accel-Buffering", "no");  // proxies that know it pass events on at once
    if (chunked_) header.chunked(true);
    header.keep_alive(false);
    bhttp::response_serializer<bhttp::empty_body> serializer(header);
    stream_.expires_after(stall_timeout_);
    const auto [error, size] = co_await bhttp::async_write_header(stream_, serializer, as_result);
    co_return !error;
  }
  asio::awaitable<bool> write_all(std::string_view text) {
    while (!text.empty()) {
      stream_.expires_after(stall_timeout_);
      const auto [error, size] = co_await stream_.async_write_some(asio::buffer(text), as_result);
      if (error) co_return false;
      text.remove_prefix(size);
    }
    stream_.expires_never();
    co_return true;
  }

  Wire& stream_;
  std::chrono::milliseconds stall_timeout_;
  bool chunked_;
  bool started_ = false;
};

std::unique_ptr<net::Stream> tls_of(const Admission& admission) {
  return admission.tls == nullptr ? nullptr : net::open_tls(admission.tls, admission.certificate_user);
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Door& door)
    : admitted_by_(door.admission()), stream_(std::move(socket), tls_of(*admitted_by_)), door_(door) {
  boost::system::error_code gone;
  const auto peer = stream_.socket().remote_endpoint(gone);
  const std::string address = gone ? "" : peer.address().to_string();
  peer_ = (peer.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer.port());
}

asio::awaitable<void> Connection::run() {
  boost::system::error_code gone;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), gone);
  const bool secured = co_await shake_hands();
  if (!secured) co_return stream_.close();
  while (!door_.closing()) {
    const bool begun = co_await await_first_byte();
    if (!begun) break;
    idle_ = false;
    const Next next = co_await serve_one();
    if (next == Next::close) break;
    idle_ = true;
  }
  stream_.close();
}

asio::awaitable<bool> Connection::shake_hands() {
  if (stream_.plain()) co_return true;
  stream_.expires_after(admitted_by_->handshake_timeout);
  const bool done = co_await stream_.shake_hands();
  (done ? door_.metrics.tls_handshakes : door_.metrics.tls_handshakes_failed).add();
  if (!stream_.failure().empty()) spdlog::info("HTTP: {}: {}", peer_, stream_.failure());
  co_return done;
}

void Connection::close_when_idle() {
  if (idle_) stream_.close();
}

asio::awaitable<bool> Connection::await_first_byte() {
  if (buffer_.size() > 0) co_return true;
  stream_.expires_after(door_.settings.keep_alive_timeout);
  const auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(read_bytes), as_result);
  if (error) co_return false;
  buffer_.commit(size);
  co_return true;
}

asio::awaitable<Connection::Next> Connection::serve_one() {
  Parser parser;
  parser.header_limit(door_.settings.max_header_bytes);
  parser.body_limit(door_.settings.max_body_bytes);
  RoutedRequest routed;
  auto refused = co_await read_request(parser, routed);
  if (refused) {
    if (refused->status == 0) co_return Next::close;
    const Next next = parser.is_done() ? Next::go_on : Next::close;
    const Next then = co_await write(parser, std::move(*refused), next);
    if (next == Next::close) co_await linger();
    co_return then;
  }
  co_return co_await answer_request(parser, routed);
}

asio::awaitable<std::optional<Answer>> Connection::read_request(Parser& parser, RoutedRequest& routed) {
  Answer nobody_there;
  nobody_there.status = 0;
  stream_.expires_after(door_.settings.header_timeout);
  const auto [header_error, header_size] = co_await bhttp::async_read_header(stream_, buffer_, parser, as_result);
  if (header_error) co_return answer_unreadable(header_error, door_.settings).value_or(nobody_there);
  if (auto refused = check_header(parser, routed)) co_return refused;
  if (routed.route->entry == Entry::callers) {  // before the body: who is not let in fills no memory
    stream_.expires_never();
    auto refused = co_await identify(parser, routed);
    if (refused) co_return refused;
  }

  stream_.expires_after(door_.settings.body_timeout);
  if (!parser.is_done() && beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    const std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, size] = co_await asio::async_write(stream_, asio::buffer(go_on), as_result);
    if (error) co_return nobody_there;
  }
  const auto [body_error, body_size] = co_await bhttp::async_read(stream_, buffer_, parser, as_result);
  if (body_error) co_return answer_unreadable(body_error, door_.settings).value_or(nobody_there);
  routed.request.body = std::move(parser.get().body());
  co_return std::nullopt;
}

asio::awaitable<std::optional<Answer>> Connection::identify(const Parser& parser, RoutedRequest& routed) {
  Claim claim{peer_, stream_.user(), std::string(parser.get()[bhttp::field::authorization])};
  auto caller = co_await log_in(door_, std::move(claim));
  if (!caller) co_return std::move(caller.error());
  routed.request.caller = std::move(*caller);
  co_return std::nullopt;
}

std::optional<Answer> Connection::check_header(const Parser& parser, RoutedRequest& routed) const {
  const auto& header = parser.get();
  const auto text = [&](bhttp::field field) { return std::string(header[field]); };
  const std::string host = text(bhttp::field::host);
  if (host.empty() && header.version() >= 11) return error_answer(400, "HTTP/1.1 needs a Host header");
  if (!host.empty() && !is_our_host(host, door_.settings.host_names)) {
    return error_answer(403, "Host \"" + host.substr(0, 255) +
                                 "\" is not this server's; ask by its IP address or localhost, or add the name to the "
                                 "configuration");
  }
  auto found = route_request(std::string_view(header.method_string()), std::string_view(header.target()));
  if (auto* refused = std::get_if<Answer>(&found)) return std::move(*refused);
  routed = std::move(std::get<RoutedRequest>(found));
  Request& request = routed.request;
  request.accept = text(bhttp::field::accept);
  request.content_type = text(bhttp::field::content_type);
  request.last_event_id = std::string(header["Last-Event-ID"]);
  // A web page can have a browser POST a form or plain text anywhere without asking; JSON it cannot. So this is no
  // courtesy.
  if ((request.method == "POST" || request.method == "PUT") && !format_of_body(request.content_type)) {
    return error_answer(415,
                        "Content-Type must be application/json, or application/vnd.kafka.binary.v2+json, "
                        ".text.v2+json or .json.v2+json, which say how keys and values are written");
  }
  return std::nullopt;
}

asio::awaitable<Connection::Next> Connection::answer_request(const Parser& parser, const RoutedRequest& routed) {
  const Request& request = routed.request;
  const Handler& handler = routed.route->handler;
  stream_.expires_never();  // a long poll may take a while
  if (const auto* plain = std::get_if<PlainHandler>(&handler)) {
    co_return co_await write(parser, (*plain)(door_, request), Next::go_on);
  }
  if (const auto* waiting = std::get_if<WaitingHandler>(&handler)) {
    Answer answer = co_await (*waiting)(door_, request);
    co_return co_await write(parser, std::move(answer), Next::go_on);
  }
  SocketEventStream events(stream_, door_.settings.tail_stall_timeout, parser.get().version() >= 11);
  auto refused = co_await std::get<StreamHandler>(handler)(door_, request, events);
  if (refused && !events.started()) co_return co_await write(parser, std::move(*refused), Next::go_on);
  co_await events.finish();
  co_return Next::close;
}

asio::awaitable<Connection::Next> Connection::write(const Parser& parser, Answer answer, Next next) {
  const auto& request = parser.get();
  const bool keep = next == Next::go_on && request.keep_alive() && !door_.closing();
  bhttp::response<bhttp::string_body> response{static_cast<bhttp::status>(answer.status),
                                               parser.is_header_done() ? request.version() : 11U};
  set_common_headers(response);
  for (const NamedValue& header : answer.headers) response.insert(header.name, header.value);
  response.keep_alive(keep);
  if (answer.status != 204) {
    response.set(bhttp::field::content_type, answer.content_type);
    response.content_length(answer.stored ? answer.stored->size : answer.body.size());
  }
  if (request.method() != bhttp::verb::head) response.body() = std::move(answer.body);

  bhttp::response_serializer<bhttp::string_body> serializer(response);
  while (!serializer.is_done()) {
    stream_.expires_after(door_.settings.write_timeout);  // for each piece the client takes, not for all
    const auto [error, size] = co_await bhttp::async_write_some(stream_, serializer, as_result);
    if (error) co_return Next::close;
  }
  if (answer.stored && request.method() != bhttp::verb::head) {
    const bool all_sent = co_await send_batches(stream_, *answer.stored, door_.settings.write_timeout);
    if (!all_sent) co_return Next::close;
  }
  co_return keep ? Next::go_on : Next::close;
}

asio::awaitable<void> Connection::linger() {
  stream_.expires_after(linger_time);
  co_await stream_.finish();
  std::array<char, read_bytes> thrown_away;
  for (std::size_t total = 0; total < linger_bytes;) {
    const auto [error, size] = co_await stream_.async_read_some(asio::buffer(thrown_away), as_result);
    if (error) co_return;
    total += size;
  }
}

}  // namespace bitacora::http
