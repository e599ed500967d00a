// The options --data and --url, and who asks the server, which `replay`, `logs` and `groups` share.
#pragma once

#include <memory>
#include <string>

#include "log_source.h"

namespace CLI {
class App;
}

namespace bitacora::app {

struct SourceOptions {
  std::string data;
  std::string url;
  std::string user;
  std::string password_file;
  std::string token_file;
};

// Declares them on `command`; --data and --url exclude each other. `options` outlives the parsing.
void add_source_options(CLI::App& command, SourceOptions& options);

// What was asked for; with neither, the server on http://127.0.0.1:8080.
[[nodiscard]] SourceResult<std::unique_ptr<LogSource>> open_source(const SourceOptions& options);

}  // namespace bitacora::app
