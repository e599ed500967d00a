// A connection's bytes, as they are or through TLS: what Beast reads requests from and writes answers to. One read or
// one write at a time.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "net/stream.h"

namespace bitacora::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

// For co_await: an error is a value.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

class Wire {
 public:
  using executor_type = beast::tcp_stream::executor_type;
  using IoResult = std::tuple<boost::system::error_code, std::size_t>;

  // `tls`: null for bytes as they are.
  Wire(asio::ip::tcp::socket socket, std::unique_ptr<net::Stream> tls);

  [[nodiscard]] executor_type get_executor() noexcept { return stream_.get_executor(); }
  [[nodiscard]] asio::ip::tcp::socket& socket() noexcept { return stream_.socket(); }
  // Whether what is written to the socket itself is what the client reads: only then may sendfile be used.
  [[nodiscard]] bool plain() const noexcept { return tls_ == nullptr; }
  void expires_after(std::chrono::milliseconds time) { stream_.expires_after(time); }  // as beast::tcp_stream's
  void expires_never() { stream_.expires_never(); }

  // TLS's handshake, before anything else; true at once without TLS. false: it failed, or took longer than
  // expires_after has allowed.
  [[nodiscard]] asio::awaitable<bool> shake_hands();
  // Whom the client's certificate names, if it was asked for one and it was verified.
  [[nodiscard]] std::optional<std::string> user() const { return plain() ? std::nullopt : tls_->user(); }
  [[nodiscard]] std::string failure() const { return plain() ? std::string() : tls_->failure(); }

  // Nothing more is sent; the client is told so.
  [[nodiscard]] asio::awaitable<void> finish();
  void close() { stream_.close(); }

  // Beast's AsyncReadStream and AsyncWriteStream.
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (plain()) return stream_.async_read_some(buffers, std::forward<Token>(token));
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, asio::mutable_buffer to) { run(read_through_tls(to), std::move(handler)); }, token,
        first_of<asio::mutable_buffer>(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (plain()) return stream_.async_write_some(buffers, std::forward<Token>(token));
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, asio::const_buffer from) { run(write_through_tls(from), std::move(handler)); }, token,
        first_of<asio::const_buffer>(buffers));
  }

 private:
  template <class Buffer, class Buffers>
  [[nodiscard]] static Buffer first_of(const Buffers& buffers) {
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
      const Buffer buffer(*at);
      if (buffer.size() > 0) return buffer;
    }
    return {};
  }
  template <class Handler>
  void run(asio::awaitable<IoResult> io, Handler handler) {
    asio::co_spawn(get_executor(), std::move(io),
                   [handler = std::move(handler)](const std::exception_ptr& failure, IoResult result) mutable {
                     if (failure) result = {asio::error::no_memory, 0};
                     std::move(handler)(std::get<0>(result), std::get<1>(result));
                   });
  }

  [[nodiscard]] asio::awaitable<IoResult> read_through_tls(asio::mutable_buffer to);
  [[nodiscard]] asio::awaitable<IoResult> write_through_tls(asio::const_buffer from);
  // One read of the socket; what it carried is in `received_`, what has to be answered was sent.
  [[nodiscard]] asio::awaitable<boost::system::error_code> receive();
  [[nodiscard]] asio::awaitable<boost::system::error_code> flush();

  beast::tcp_stream stream_;
  std::unique_ptr<net::Stream> tls_;
  Bytes read_buffer_;  // of the socket; empty without TLS
  Bytes received_;     // what TLS carried and was not read yet
  bool ended_ = false;
};

}  // namespace bitacora::http
