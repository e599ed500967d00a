#include "http_client.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/pchars.hpp>
#include <charconv>
#include <chrono>

namespace bitacora::app {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

constexpr std::chrono::seconds patience{70};  // a little more than a server's longest wait
constexpr std::uint64_t max_answer_bytes = 256 << 20;

using Response = bhttp::response<bhttp::string_body>;

std::optional<storage::Offset> offset_of(std::string_view text) {
  storage::Offset offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(offset)
                                                                                   : std::nullopt;
}

}  // namespace

// The stream's operations are asynchronous under the hood, since only those can time out; each is run to its end at
// once.
struct HttpClient::State {
  std::string url;
  std::string host;  // as the Host header has it
  std::string host_name;
  std::string port;
  std::string authorization;
  asio::io_context loop;
  beast::tcp_stream stream{loop};
  beast::flat_buffer buffer;

  // Runs the operation that `start` begins; it is passed a handler that takes an error first.
  template <class Start>
  beast::error_code complete(const Start& start) {
    beast::error_code result;
    stream.expires_after(patience);
    start([&result](beast::error_code error, auto&&...) { result = error; });
    loop.restart();
    loop.run();
    return result;
  }

  beast::error_code connect() {
    stream.close();
    buffer.clear();
    asio::ip::tcp::resolver resolver(loop);
    beast::error_code error;
    const auto addresses = resolver.resolve(host_name, port, error);
    if (error) return error;
    return complete([&](auto handler) { stream.async_connect(addresses, handler); });
  }

  beast::error_code exchange(const std::string& target, Response& response) {
    bhttp::request<bhttp::empty_body> request(bhttp::verb::get, target, 11);
    request.set(bhttp::field::host, host);
    request.set(bhttp::field::user_agent, "bitacora");
    if (!authorization.empty()) request.set(bhttp::field::authorization, authorization);
    if (const auto error = complete([&](auto handler) { bhttp::async_write(stream, request, handler); })) return error;
    bhttp::response_parser<bhttp::string_body> parser;
    parser.body_limit(max_answer_bytes);
    if (const auto error = complete([&](auto handler) { bhttp::async_read(stream, buffer, parser, handler); }))
      return error;
    response = parser.release();
    if (!response.keep_alive()) stream.close();
    return {};
  }
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

SourceResult<std::unique_ptr<HttpClient>> HttpClient::create(const std::string& url, std::string authorization) {
  const auto parsed = boost::urls::parse_uri(url);
  const bool usable = parsed && parsed->scheme() == "http" && !parsed->encoded_host().empty() &&
                      (parsed->encoded_path().empty() || parsed->encoded_path() == "/") && !parsed->has_query();
  if (!usable) {
    return SourceFailure(fmt::format("--url {} is no server's address; write it as in http://127.0.0.1:8080", url));
  }
  auto state = std::make_unique<State>();
  state->url = url;
  state->authorization = std::move(authorization);
  state->host = parsed->encoded_host_and_port();
  state->host_name = parsed->host_address();  // without the brackets of an IPv6 address
  state->port = parsed->has_port() ? std::string(parsed->port()) : "80";
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

SourceResult<HttpAnswer> HttpClient::get(const std::string& target) {
  const bool kept = state_->stream.socket().is_open();
  Response response;
  beast::error_code error = asio::error::not_connected;
  if (kept) error = state_->exchange(target, response);
  if (error) {
    error = state_->connect();
    if (!error) error = state_->exchange(target, response);
  }
  if (error) {
    state_->stream.close();
    return SourceFailure(fmt::format("{} does not answer: {}; is the server running, and is this its HTTP listener?",
                                     state_->url, error.message()));
  }
  return HttpAnswer{response.result_int(), std::move(response.body()), offset_of(response["X-Next-Offset"])};
}

std::string encode_path_segment(std::string_view segment) {
  return boost::urls::encode(segment, boost::urls::pchars - boost::urls::grammar::lut_chars("/"));
}

}  // namespace bitacora::app
