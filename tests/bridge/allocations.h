// How often this test program asked for memory, so that a test can say that a call does not.
#pragma once

#include <cstddef>

namespace bitacora::bridge {

// Calls of operator new since the program began.
[[nodiscard]] std::size_t allocation_count() noexcept;

}  // namespace bitacora::bridge
