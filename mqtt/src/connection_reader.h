// The inbound byte stream cut into packets. Whole packets are seen where the caller has them; only what is cut off at
// the end of a read is copied, so memory grows with the bytes that came, never with a length that was announced.
#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.h"
#include "mqtt/codec.h"

namespace bitacora::mqtt {

class PacketReader {
 public:
  // More of the stream. `bytes` is looked at in place until keep_rest(); what was fed before has been kept (asserted).
  void feed(ByteView bytes);

  [[nodiscard]] std::size_t size() const noexcept { return kept().size() + fed_.size(); }  // bytes not taken yet
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::byte first_byte() const noexcept;  // not empty (asserted)

  // The header of the next packet; nullopt while it is cut off.
  [[nodiscard]] Result<std::optional<Frame>> peek_frame();

  // Takes the next packet, which `frame` describes; nullopt while it is cut off. The view is good until the next call
  // that is not const.
  [[nodiscard]] std::optional<ByteView> take_packet(const Frame& frame);

  // Copies what has not been taken, so that the fed bytes may go.
  void keep_rest();
  // Gives back the memory that holds nothing.
  void release_spare() noexcept;
  void drop_all() noexcept;

 private:
  [[nodiscard]] ByteView kept() const noexcept { return ByteView(kept_).subspan(kept_read_); }
  void keep(std::size_t size);

  Bytes kept_;  // comes before fed_ in the stream; taken up to kept_read_
  std::size_t kept_read_ = 0;
  ByteView fed_;
};

}  // namespace bitacora::mqtt
