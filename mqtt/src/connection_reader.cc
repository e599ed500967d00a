#include "connection_reader.h"

#include <algorithm>

#include "base/assert.h"

namespace bitacora::mqtt {
namespace {

constexpr std::size_t max_idle_input = 1024;  // bytes an empty reader may hold on to

}  // namespace

void PacketReader::feed(ByteView bytes) {
  BITACORA_ASSERT(fed_.empty());
  fed_ = bytes;
}

std::byte PacketReader::first_byte() const noexcept {
  BITACORA_ASSERT(!empty());
  return kept().empty() ? fed_.front() : kept().front();
}

Result<std::optional<Frame>> PacketReader::peek_frame() {
  if (kept().empty()) return decode_frame(fed_);
  for (;;) {
    auto frame = decode_frame(kept());
    if (!frame || frame->has_value() || fed_.empty()) return frame;
    keep(1);
  }
}

std::optional<ByteView> PacketReader::take_packet(const Frame& frame) {
  if (kept().empty()) {
    if (fed_.size() < frame.size()) return std::nullopt;
    const ByteView packet = fed_.first(frame.size());
    fed_ = fed_.subspan(frame.size());
    return packet;
  }
  if (kept().size() < frame.size()) keep(std::min(frame.size() - kept().size(), fed_.size()));
  if (kept().size() < frame.size()) return std::nullopt;
  const ByteView packet = kept().first(frame.size());
  kept_read_ += frame.size();
  return packet;
}

void PacketReader::keep_rest() {
  keep(fed_.size());
  if (kept_.empty() && kept_.capacity() > max_idle_input) release_spare();
}

void PacketReader::release_spare() noexcept {
  if (kept().empty()) {
    Bytes().swap(kept_);
    kept_read_ = 0;
  }
}

void PacketReader::drop_all() noexcept {
  fed_ = {};
  kept_read_ = kept_.size();
  release_spare();
}

// Moves `size` bytes from the front of what was fed behind what is kept.
void PacketReader::keep(std::size_t size) {
  if (kept_read_ > 0) {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(kept_read_));
    kept_read_ = 0;
  }
  append(kept_, fed_.first(size));
  fed_ = fed_.subspan(size);
}

}  // namespace bitacora::mqtt
