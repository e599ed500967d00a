#include "connection_output.h"

#include "base/assert.h"

namespace bitacora::mqtt {
namespace {

constexpr std::size_t max_idle_output = 4096;  // bytes an empty buffer may hold on to
constexpr std::size_t min_compaction = 64 << 10;

}  // namespace

void OutputBuffer::consume(std::size_t size) noexcept {
  BITACORA_ASSERT(size <= bytes_.size() - read_);
  read_ += size;
  if (empty()) {
    bytes_.clear();
    read_ = 0;
    if (bytes_.capacity() > max_idle_output) release_spare();
  } else if (read_ >= min_compaction && read_ >= bytes_.size() / 2) {
    // A socket that never quite catches up: each byte is moved at most once for each byte that was written.
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read_));
    read_ = 0;
  }
}

void OutputBuffer::release_spare() noexcept {
  if (!empty()) return;
  Bytes().swap(bytes_);
  read_ = 0;
}

}  // namespace bitacora::mqtt
