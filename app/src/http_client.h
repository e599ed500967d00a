// A blocking HTTP client for the command line: one connection to one server, one GET after another. The only place of
// app/ that knows Asio and Beast.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "log_source.h"

namespace bitacora::app {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
  std::optional<storage::Offset> next_offset;  // X-Next-Offset
};

class HttpClient {
 public:
  // "http://HOST[:PORT]", without a path; the Authorization header, empty for none. Does not connect yet.
  [[nodiscard]] static SourceResult<std::unique_ptr<HttpClient>> create(const std::string& url,
                                                                        std::string authorization);
  ~HttpClient();

  // `target` is a path with its query, encoded. Any status is an answer; an error is a server that cannot be reached or
  // does not answer within 70 s. Connects where need be, once more if a connection that was kept has gone.
  [[nodiscard]] SourceResult<HttpAnswer> get(const std::string& target);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One segment of a path, percent-encoded.
[[nodiscard]] std::string encode_path_segment(std::string_view segment);

}  // namespace bitacora::app
