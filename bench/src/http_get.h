// A blocking HTTP/1.1 client for one connection and GET: just enough to read a log as fast as the server gives it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "event_loop.h"

namespace bitacora::bench {

struct HttpAnswer {
  unsigned status = 0;
  std::int64_t next_offset = -1;       // X-Next-Offset
  std::int64_t committed_offset = -1;  // X-Committed-Offset
  std::string body;
};

class HttpGet {
 public:
  explicit HttpGet(Address address);
  // Good until the next call. Throws std::runtime_error for what is no answer.
  const HttpAnswer& get(const std::string& target);

 private:
  void read_more();
  [[nodiscard]] std::string read_header();

  Address address_;
  Descriptor socket_;
  std::string input_;  // what came and was not taken
  HttpAnswer answer_;
};

// Percent-encodes all that is not a letter, a digit or one of "-._~".
[[nodiscard]] std::string encode_query_value(std::string_view text);

}  // namespace bitacora::bench
