// Standard base64 with padding (RFC 4648 §4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace bitacora::http {

void append_base64(std::string& to, ByteView bytes);
// nullopt for anything that is not exactly what append_base64 writes: wrong length, foreign characters, stray bits.
[[nodiscard]] std::optional<Bytes> decode_base64(std::string_view text);

}  // namespace bitacora::http
