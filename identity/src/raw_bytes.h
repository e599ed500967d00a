// Bytes as OpenSSL's functions want them.
#pragma once

#include "base/bytes.h"

namespace bitacora::identity {

// Valid as long as `bytes`.
inline const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

}  // namespace bitacora::identity
