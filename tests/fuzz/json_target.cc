// What the HTTP door takes apart by itself.
#include <boost/json/parse.hpp>
#include <string>

#include "base/base64.h"
#include "fuzz/fuzz_target.h"
#include "host_check.h"
#include "json_text.h"

namespace bitacora::http {

FUZZ_TARGET(json) {
  const std::string text(input.take_text());
  if (is_json(text)) {
    boost::system::error_code error;
    boost::json::parse_options options;
    options.max_depth = 64;
    (void)boost::json::parse(text, error, {}, options);
    fuzz::must(!error, "what is taken for JSON is JSON");
    std::string written;
    append_json_verbatim(written, text);
    fuzz::must(is_json(written) && written.find('\n') == std::string::npos, "on one line it still is");
  }
  if (const auto bytes = decode_base64(text)) {
    std::string written;
    append_base64(written, *bytes);
    fuzz::must(written == text, "base64 has one form");
  }
  (void)is_our_host(text, {"log.example.org"});
}

}  // namespace bitacora::http
