#include "batch_body.h"

#include <sys/sendfile.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace bitacora::http {
namespace {

constexpr std::size_t copied_at_once = 64 << 10;
constexpr std::size_t most_by_sendfile = 64 << 20;  // then others have their turn

// What the socket takes now; 0 if it takes nothing, -1 if this cannot be done.
std::int64_t send_file(int socket, int file, std::uint64_t position, std::uint64_t size) {
  auto at = static_cast<off_t>(position);
  const ssize_t sent =
      ::sendfile(socket, file, &at, static_cast<std::size_t>(std::min<std::uint64_t>(size, most_by_sendfile)));
  if (sent > 0) return sent;
  return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

}  // namespace

// Where the socket is full the next piece goes by an ordinary write, which waits for room, and for the time-out, as
// every other write of this door does; then sendfile has its turn again.
asio::awaitable<bool> send_batches(Wire& stream, const storage::StoredBatches& batches,
                                   std::chrono::milliseconds timeout) {
  const int file = batches.file && stream.plain() ? batches.file->native_handle() : -1;
  Bytes piece;
  for (std::uint64_t done = 0; done < batches.size;) {
    const std::uint64_t left = batches.size - done;
    if (file >= 0) {
      const std::int64_t sent = send_file(stream.socket().native_handle(), file, batches.position + done, left);
      if (sent < 0) co_return false;
      done += static_cast<std::uint64_t>(sent);
      if (done == batches.size) co_return true;
    }
    ByteView next = ByteView(batches.bytes).subspan(batches.file ? 0 : static_cast<std::size_t>(done));
    if (batches.file) {
      piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(batches.size - done, copied_at_once)));
      const auto read = batches.file->read_at(batches.position + done, piece);
      if (!read || *read != piece.size()) co_return false;
      next = piece;
    }
    stream.expires_after(timeout);
    const auto [error, size] = co_await stream.async_write_some(asio::buffer(next.data(), next.size()), as_result);
    if (error) co_return false;
    done += size;
  }
  co_return true;
}

}  // namespace bitacora::http
