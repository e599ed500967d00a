// Bytes on their way to the socket: packets are encoded at the end, the owner writes and consumes from the front.
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace bitacora::mqtt {

class OutputBuffer {
 public:
  [[nodiscard]] ByteView unread() const noexcept { return ByteView(bytes_).subspan(read_); }
  [[nodiscard]] bool empty() const noexcept { return read_ == bytes_.size(); }
  [[nodiscard]] Bytes& end() noexcept { return bytes_; }  // to append to, nothing else
  void consume(std::size_t size) noexcept;                // at most unread().size() (asserted)
  // Gives back the memory of an empty buffer.
  void release_spare() noexcept;

 private:
  Bytes bytes_;
  std::size_t read_ = 0;
};

}  // namespace bitacora::mqtt
