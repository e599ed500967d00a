// Real time and real randomness, forbidden: while a Forbidden lives, whoever asks the system for either ends the
// program with a message. The calls are taken from the C and C++ libraries at link time (real_world.cc), so that a
// library which a simulation uses is caught as well.
#pragma once

namespace bitacora::sim {

class RealWorldForbidden {
 public:
  RealWorldForbidden() noexcept { ++depth_; }
  ~RealWorldForbidden() { --depth_; }
  RealWorldForbidden(const RealWorldForbidden&) = delete;
  RealWorldForbidden& operator=(const RealWorldForbidden&) = delete;
  [[nodiscard]] static bool now() noexcept { return depth_ > 0; }

 private:
  static thread_local int depth_;
};

}  // namespace bitacora::sim
