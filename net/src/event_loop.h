// What net/ takes from Asio: waiting for readiness, timers, and messages between threads. The system calls are in
// tcp.h.
//
// A ReadyDescriptor owns its descriptor. Destroying or releasing one cancels its waits; their handlers still run later,
// with an error, so a handler finds its connection by id and never by a pointer.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <optional>

#include "descriptor.h"

namespace bitacora::net {

using ErrorCode = boost::system::error_code;
using EventLoop = boost::asio::io_context;
using ReadyDescriptor = boost::asio::posix::basic_stream_descriptor<EventLoop::executor_type>;
using Timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      EventLoop::executor_type>;

// Only one thread runs a loop; others may post to it.
inline constexpr int one_thread = 1;

// Gives a descriptor to a loop. nullopt, and the descriptor is closed, if the system watches no more.
[[nodiscard]] inline std::optional<ReadyDescriptor> watch(EventLoop& loop, Descriptor descriptor) {
  ReadyDescriptor watched(loop);
  ErrorCode error;
  watched.assign(descriptor.number(), error);
  if (error) return std::nullopt;
  (void)descriptor.release();
  return watched;
}

inline constexpr auto readable = boost::asio::posix::descriptor_base::wait_read;
inline constexpr auto writable = boost::asio::posix::descriptor_base::wait_write;
inline constexpr auto failing = boost::asio::posix::descriptor_base::wait_error;

}  // namespace bitacora::net
