#include "wire.h"

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

namespace bitacora::http {
namespace {

constexpr std::size_t record_bytes = 17 << 10;  // a whole record of TLS, and a little more

}  // namespace

Wire::Wire(asio::ip::tcp::socket socket, std::unique_ptr<net::Stream> tls)
    : stream_(std::move(socket)), tls_(std::move(tls)) {
  if (!plain()) read_buffer_.resize(record_bytes);
}

asio::awaitable<bool> Wire::shake_hands() {
  while (!plain() && !tls_->stands()) {
    const auto error = co_await receive();
    if (error || ended_) co_return false;
  }
  co_return true;
}

asio::awaitable<void> Wire::finish() {
  if (!plain()) {
    tls_->finish();
    (void)co_await flush();
  }
  boost::system::error_code ignored;
  socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

asio::awaitable<boost::system::error_code> Wire::receive() {
  const auto [error, size] = co_await stream_.async_read_some(asio::buffer(read_buffer_), as_result);
  if (error) co_return error;
  const net::Layer::State state = tls_->receive(ByteView(read_buffer_).first(size), received_);
  const auto failed = co_await flush();  // of a failure too the client is told
  if (failed) co_return failed;
  if (state == net::Layer::State::failed) co_return asio::error::connection_aborted;
  ended_ = state == net::Layer::State::ended;
  co_return boost::system::error_code();
}

asio::awaitable<boost::system::error_code> Wire::flush() {
  while (!tls_->unsent().empty()) {
    const ByteView unsent = tls_->unsent();
    const auto [error, size] = co_await stream_.async_write_some(asio::buffer(unsent.data(), unsent.size()), as_result);
    if (error) co_return error;
    tls_->consume(size);
  }
  co_return boost::system::error_code();
}

asio::awaitable<Wire::IoResult> Wire::read_through_tls(asio::mutable_buffer to) {
  while (received_.empty()) {
    if (ended_) co_return IoResult(asio::error::eof, 0);
    const auto error = co_await receive();
    if (error) co_return IoResult(error, 0);
  }
  const std::size_t size = std::min(to.size(), received_.size());
  std::memcpy(to.data(), received_.data(), size);
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(size));
  co_return IoResult(boost::system::error_code(), size);
}

asio::awaitable<Wire::IoResult> Wire::write_through_tls(asio::const_buffer from) {
  const std::size_t size = std::min(from.size(), tls_->room());
  tls_->send(ByteView(static_cast<const std::byte*>(from.data()), size));
  const auto error = co_await flush();
  co_return IoResult(error, error ? 0 : size);
}

}  // namespace bitacora::http
