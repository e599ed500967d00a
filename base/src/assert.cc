#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace bitacora {

void assertion_failed(const char* expression, const char* file, int line, const char* function) {
  std::fprintf(stderr, "bitacora: assertion failed: %s at %s:%d in %s\n", expression, file, line, function);
  std::abort();
}

}  // namespace bitacora
