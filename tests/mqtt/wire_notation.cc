#include "base/assert.h"
#include "mqtt/packet_table.h"

namespace bitacora::mqtt {

Bytes wire(std::string_view notation) {
  Bytes bytes;
  while (!notation.empty()) {
    if (notation.front() == ' ') {
      notation.remove_prefix(1);
    } else if (notation.front() == '\'') {
      const std::size_t end = notation.find('\'', 1);
      BITACORA_ASSERT(end != std::string_view::npos);
      append(bytes, as_bytes(notation.substr(1, end - 1)));
      notation.remove_prefix(end + 1);
    } else {
      const Bytes byte = from_hex(notation.substr(0, 2));
      BITACORA_ASSERT(byte.size() == 1);
      append(bytes, byte);
      notation.remove_prefix(2);
    }
  }
  return bytes;
}

}  // namespace bitacora::mqtt
