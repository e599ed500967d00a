// Base64 (RFC 4648): standard with padding (§4), and for URLs without (§5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace bitacora {

// Standard, with padding.
void append_base64(std::string& to, ByteView bytes);
[[nodiscard]] std::string encode_base64(ByteView bytes);
// nullopt for anything that is not exactly what append_base64 writes: wrong length, foreign characters, stray bits.
[[nodiscard]] std::optional<Bytes> decode_base64(std::string_view text);

// '-' and '_' for '+' and '/', no padding; as strict.
[[nodiscard]] std::optional<Bytes> decode_base64url(std::string_view text);

}  // namespace bitacora
