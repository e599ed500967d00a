#include "fuzz/fuzz_target.h"

#include <string>

namespace bitacora::fuzz {

std::vector<FuzzTarget>& fuzz_targets() {
  static std::vector<FuzzTarget> targets;
  return targets;
}

}  // namespace bitacora::fuzz

#ifdef BITACORA_LIBFUZZER
namespace {

const bitacora::fuzz::FuzzTarget* target_of_this_program = nullptr;

}  // namespace

// The program fuzz_packet runs the target packet.
extern "C" int LLVMFuzzerInitialize(const int*, char*** arguments) {
  const std::string_view program = (*arguments)[0];
  for (const auto& target : bitacora::fuzz::fuzz_targets()) {
    if (program.ends_with("fuzz_" + std::string(target.name))) target_of_this_program = &target;
  }
  bitacora::fuzz::must(target_of_this_program != nullptr, "the program is named after a target");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_of_this_program->run(bitacora::fuzz::FuzzInput({reinterpret_cast<const std::byte*>(data), size}));
  return 0;
}
#endif
