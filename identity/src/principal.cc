#include "identity/principal.h"

namespace bitacora::identity {

Fingerprint fingerprint_of(std::string_view credential) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : credential) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash == 0 ? 1 : hash;
}

}  // namespace bitacora::identity
