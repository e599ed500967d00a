// What this test program has from the heap, so that a test can say what a connection costs.
#pragma once

#include <cstddef>

namespace bitacora::mqtt {

[[nodiscard]] std::size_t allocation_count() noexcept;  // calls of operator new since the program began
[[nodiscard]] std::size_t allocated_bytes() noexcept;   // not yet given back

}  // namespace bitacora::mqtt
