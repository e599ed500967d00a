# What a build can be told, and the compile flags that follow from it.
option(BITACORA_TESTS "Build the tests" ON)
option(BITACORA_EXAMPLES "Build the examples" ON)
option(BITACORA_BENCH "Build the benchmarks" ON)
option(BITACORA_WERROR "Treat warnings as errors (set by the presets)" OFF)
option(BITACORA_UNITY_TESTS "Compile several test sources together: sooner from nothing, later after a change" OFF)
option(BITACORA_FUZZ "Build the fuzz targets as programs of libFuzzer (clang), and no tests" OFF)
option(BITACORA_FAILPOINTS "Named steps at which BITACORA_FAILPOINT kills the process (base/failpoint.h): for the rigs, never packaged" OFF)
set(BITACORA_BREAK "" CACHE STRING "A defect for the rigs to find (docs/proof.md): ack-before-sync, no-directory-sync, truncate-at-first-bad or sqlite-normal; never packaged")
set(BITACORA_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(bitacora_flags INTERFACE)
target_compile_options(bitacora_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Wconversion -Wno-sign-conversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 takes std::string's operator+ for an overlapping copy when it optimises (GCC bug 105329).
  target_compile_options(bitacora_flags INTERFACE -Wno-restrict)
endif()
if(BITACORA_WERROR)
  target_compile_options(bitacora_flags INTERFACE -Werror)
endif()
if(BITACORA_SANITIZE)
  # GCC's -Wmaybe-uninitialized and friends report falsely under a sanitizer's instrumentation.
  target_compile_options(bitacora_flags INTERFACE -fsanitize=${BITACORA_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(bitacora_flags INTERFACE -fsanitize=${BITACORA_SANITIZE})
  if(BITACORA_SANITIZE MATCHES "undefined")
    # It looks at memory through a pipe, and reports falsely when a test has left the process no descriptor for one.
    target_compile_options(bitacora_flags INTERFACE -fno-sanitize=vptr)
  endif()
  if(BITACORA_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio puts fences beside its locks; GCC's ThreadSanitizer warns that it models the locks alone.
    target_compile_options(bitacora_flags INTERFACE -Wno-tsan)
  endif()
endif()

if(BITACORA_FAILPOINTS)
  target_compile_definitions(bitacora_flags INTERFACE BITACORA_FAILPOINTS=1)
endif()
include(BitacoraBreak)

# Sources compiled together see each other's unnamed namespaces; what these two warn of, a build apart decides.
add_library(bitacora_unity_flags INTERFACE)
target_compile_options(bitacora_unity_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-shadow;-Wno-subobject-linkage>)
if(CMAKE_UNITY_BUILD)
  target_link_libraries(bitacora_flags INTERFACE bitacora_unity_flags)
endif()

find_program(BITACORA_CCACHE ccache)
if(BITACORA_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${BITACORA_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${BITACORA_CCACHE})
endif()
