# bitacora_library(<floor> [DEPENDS <targets>] [PRIVATE <targets>])
#
# One static library for each top-level folder: public headers in include/<floor>/, everything else in src/. A floor sees
# only the include roots of what it names in DEPENDS, so an include of a higher floor does not compile.
function(bitacora_library name)
  cmake_parse_arguments(arg "" "" "DEPENDS;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/src/*.cc")
  file(GLOB headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/include/${name}/*.h")
  if(NOT sources)  # a floor of headers alone
    add_library(bitacora_${name} INTERFACE)
    add_library(bitacora::${name} ALIAS bitacora_${name})
    target_include_directories(bitacora_${name} INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/include")
    target_link_libraries(bitacora_${name} INTERFACE bitacora_flags ${arg_DEPENDS})
    return()
  endif()
  add_library(bitacora_${name} STATIC ${sources} ${headers})
  add_library(bitacora::${name} ALIAS bitacora_${name})
  target_include_directories(bitacora_${name} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/include")
  target_link_libraries(bitacora_${name} PUBLIC bitacora_flags ${arg_DEPENDS} PRIVATE ${arg_PRIVATE})
  set_target_properties(bitacora_${name} PROPERTIES LINKER_LANGUAGE CXX)
endfunction()

# bitacora_test(<name> DEPENDS <targets> [LABELS <label>] [EXCEPT <sources>]): one GoogleTest program from every source in
# tests/<name>/ but those that a library of its own has.
# The label "threads" marks what is run under ThreadSanitizer as well; `threaded_tests` builds just those.
function(bitacora_test name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LABELS;EXCEPT" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc")
  list(TRANSFORM arg_EXCEPT PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/${name}/")
  list(REMOVE_ITEM sources ${arg_EXCEPT})
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  target_include_directories(${name}_test PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${name}_test PRIVATE BITACORA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # Test code is compiled more often than it is run: unoptimised it compiles in half the time.
  target_compile_options(${name}_test PRIVATE -O0 -g1)
  target_link_libraries(${name}_test PRIVATE ${arg_DEPENDS} GTest::gmock GTest::gtest_main)
  if(BITACORA_UNITY_TESTS)
    set_target_properties(${name}_test PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    target_link_libraries(${name}_test PRIVATE bitacora_unity_flags)
  endif()
  set(properties TIMEOUT 300)
  if(arg_LABELS)
    list(APPEND properties LABELS ${arg_LABELS})
  endif()
  # The names that --gtest_filter takes: values in a name may be addresses, which differ from run to run.
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}." NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(threaded_tests ${name}_test)
  endif()
endfunction()
