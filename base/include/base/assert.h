// Assertions that stay on in release builds. They state what only a bug of ours can break: never what a peer sends, a
// disk returns or a user writes.
#pragma once

namespace bitacora {

// Prints where and what, then aborts. Never returns.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line, const char* function);

}  // namespace bitacora

#define BITACORA_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::bitacora::assertion_failed(#expression, __FILE__, __LINE__, __func__))
