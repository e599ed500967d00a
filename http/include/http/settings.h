// What one HTTP listener is told.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bitacora::http {

struct HttpSettings {
  std::string address = "127.0.0.1";  // an IPv4 or IPv6 literal
  std::uint16_t port = 0;             // 0: any free one
  // Names that a request's Host may give besides localhost; an IP literal is always accepted. Against DNS rebinding: a
  // web page can point its own name at this machine, but it cannot choose what the browser then sends as Host.
  std::vector<std::string> host_names{};
  std::uint32_t origin = 0x48545450;  // of this door's append requests: unique among the committer's users

  std::size_t max_connections = 256;                // one over it is answered 503 and closed
  std::uint32_t max_header_bytes = 16 << 10;        // request line and headers; 431 over it
  std::uint64_t max_body_bytes = 1 << 20;           // 413 over it
  std::size_t max_read_bytes = 16 << 20;            // what max_bytes of a read may ask for
  std::size_t max_read_records = 100'000;           // what max_records of a read may ask for, and its default
  std::chrono::milliseconds header_timeout{5'000};  // from a request's first byte to its last header
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds keep_alive_timeout{60'000};   // between requests
  std::chrono::milliseconds write_timeout{30'000};        // without a byte taken by the client
  std::chrono::milliseconds max_wait{60'000};             // what timeout of a read may ask for
  std::chrono::milliseconds produce_timeout{30'000};      // then 504: written or not, nobody knows
  std::chrono::milliseconds tail_heartbeat{15'000};       // a comment goes out when nothing else did
  std::chrono::milliseconds tail_stall_timeout{120'000};  // write_timeout of a tail, whose reader may be slow
  std::chrono::milliseconds drain_timeout{2'000};         // what stop() leaves to requests under way
  std::uint64_t min_free_bytes = 1 << 20;                 // of disk, below which /health is red, marks or not

  friend bool operator==(const HttpSettings&, const HttpSettings&) = default;
};

}  // namespace bitacora::http
