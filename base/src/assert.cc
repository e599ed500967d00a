#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace bitacora {

void assertion_failed(const char* expression, const std::source_location& where) {
  std::fprintf(stderr, "bitacora: assertion failed: %s at %s:%u in %s\n", expression, where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name());
  std::abort();
}

}  // namespace bitacora
