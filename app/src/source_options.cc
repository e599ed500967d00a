#include "source_options.h"

#include <CLI/CLI.hpp>

namespace bitacora::app {

void add_source_options(CLI::App& command, SourceOptions& options) {
  auto* data = command.add_option("--data", options.data, "Read this data directory; a server may be running on it");
  auto* url = command.add_option("--url", options.url, "Ask this server (default: http://127.0.0.1:8080)");
  data->excludes(url);
}

SourceResult<std::unique_ptr<LogSource>> open_source(const SourceOptions& options) {
  if (!options.data.empty()) return open_directory_source(options.data);
  return open_http_source(options.url.empty() ? "http://127.0.0.1:8080" : options.url);
}

}  // namespace bitacora::app
