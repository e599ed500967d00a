// Payloads that prove themselves: each says whose it is and which, and carries a checksum, so that bytes which nobody
// sent (I4) and bytes that changed on the way (I9) are told apart from those that are right. Text, so that a dump of a
// log can be read:
//
//   bitacora-proof/<publisher>/<sequence>/<CRC-32C of all the rest, 8 hexadecimal digits>/<filler>
//
// The filler is made from publisher and sequence: a payload is a function of these and its size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace bitacora::proof {

// Of at least `size` bytes; the head alone may need more. `publisher` has no '/' and at most 64 bytes.
[[nodiscard]] std::string make_payload(std::string_view publisher, std::uint32_t sequence, std::size_t size = 0);

// What some bytes turn out to be.
struct Content {
  enum class Kind : std::uint8_t {
    message,  // a whole payload of make_payload
    damaged,  // begins like one and is not whole: wrong bytes
    foreign,  // anything else
    empty,    // no bytes: what a retained publish that removes has
  };
  Kind kind = Kind::empty;
  std::string publisher{};     // message; damaged: as far as it can be read
  std::uint32_t sequence = 0;  // message
  std::string excerpt{};       // damaged and foreign: the first bytes, for a person
  friend bool operator==(const Content&, const Content&) = default;
};

[[nodiscard]] Content identify(ByteView payload);
[[nodiscard]] inline Content identify(std::string_view payload) { return identify(as_bytes(payload)); }
[[nodiscard]] std::string describe(const Content& content);  // "p1#17", "damaged bytes ...": for evidence

}  // namespace bitacora::proof
