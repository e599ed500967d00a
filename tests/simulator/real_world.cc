#include "simulator/real_world.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <random>

namespace bitacora::sim {

thread_local int RealWorldForbidden::depth_ = 0;

namespace {

void refuse(const char* call) {
  if (!RealWorldForbidden::now()) return;
  constexpr char before[] = "simulation: somebody reads the real world: ";
  std::size_t size = 0;
  while (call[size] != 0) ++size;
  (void)!::write(STDERR_FILENO, before, sizeof before - 1);
  (void)!::write(STDERR_FILENO, call, size);
  (void)!::write(STDERR_FILENO, "\n", 1);
  std::abort();
}

}  // namespace
}  // namespace bitacora::sim

// These stand before the C library's own. Each does what it replaces, by the system call beneath.
extern "C" {

int clock_gettime(clockid_t clock, timespec* into) noexcept {
  bitacora::sim::refuse("clock_gettime");
  return static_cast<int>(::syscall(SYS_clock_gettime, clock, into));
}

int gettimeofday(timeval* into, void* zone) noexcept {
  bitacora::sim::refuse("gettimeofday");
  return static_cast<int>(::syscall(SYS_gettimeofday, into, zone));
}

time_t time(time_t* into) noexcept {
  bitacora::sim::refuse("time");
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

ssize_t getrandom(void* into, size_t size, unsigned flags) {
  bitacora::sim::refuse("getrandom");
  return ::syscall(SYS_getrandom, into, size, flags);
}

int getentropy(void* into, size_t size) {
  bitacora::sim::refuse("getentropy");
  return ::syscall(SYS_getrandom, into, size, 0) == static_cast<ssize_t>(size) ? 0 : -1;
}

}  // extern "C"

// std::random_device reads the processor's own generator where there is one, which no system call shows.
namespace std {
random_device::result_type random_device::_M_getval() {
  bitacora::sim::refuse("std::random_device");
  result_type value = 0;
  (void)::syscall(SYS_getrandom, &value, sizeof value, 0);
  return value;
}
}  // namespace std
