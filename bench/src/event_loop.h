// One thread's epoll loop. A source is told when its socket can be read or written; the loop owns no source.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitacora::bench {

// Nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
[[nodiscard]] std::int64_t now_ns();

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  void reset();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct Address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
};

// Both throw std::runtime_error that says which address and why. The socket is non-blocking, without Nagle's delay.
[[nodiscard]] Descriptor connect_to(const Address& address);
[[nodiscard]] Descriptor listen_at(const Address& address);
[[nodiscard]] std::uint16_t port_of(const Descriptor& socket);

// As many open files as the system lets this process have.
void raise_file_limit();

class Source {
 public:
  virtual ~Source() = default;
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
};

class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  enum class Interest : std::uint8_t { read, read_and_write };
  // `source` outlives its registration, which ends with remove().
  void add(int fd, Source& source);
  void change(int fd, Source& source, Interest interest);
  void remove(int fd);

  // Waits until something is ready, at most until `until_ns`, and tells the sources.
  void run_once(std::int64_t until_ns);

  // Room for one read, shared by all sources of this loop.
  [[nodiscard]] std::vector<char>& scratch() { return scratch_; }

 private:
  Descriptor epoll_;
  std::vector<char> scratch_;
};

}  // namespace bitacora::bench
