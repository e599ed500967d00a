// Base64 (RFC 4648), strict: no blanks, nothing behind the padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace bitacora::identity {

[[nodiscard]] std::string encode_base64(ByteView bytes);                     // with padding
[[nodiscard]] std::optional<Bytes> decode_base64(std::string_view text);     // with padding
[[nodiscard]] std::optional<Bytes> decode_base64url(std::string_view text);  // '-' and '_', no padding: JWT's

}  // namespace bitacora::identity
