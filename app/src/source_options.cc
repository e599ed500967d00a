#include "source_options.h"

#include <CLI/CLI.hpp>

#include "access_files.h"
#include "base/base64.h"

namespace bitacora::app {

void add_source_options(CLI::App& command, SourceOptions& options) {
  auto* data = command.add_option("--data", options.data, "Read this data directory; a server may be running on it");
  auto* url = command.add_option("--url", options.url, "Ask this server (default: http://127.0.0.1:8080)");
  data->excludes(url);
  auto* user = command.add_option("--user", options.user, "Ask as this user");
  auto* password = command.add_option("--password-file", options.password_file, "Its password: the first line");
  auto* token = command.add_option("--token-file", options.token_file, "Ask with this JSON Web Token instead");
  user->needs(password)->excludes(data);
  password->needs(user);
  token->excludes(user)->excludes(data);
}

namespace {

// The Authorization header; empty for nobody.
SourceResult<std::string> authorization_of(const SourceOptions& options) {
  const std::string& file = options.user.empty() ? options.token_file : options.password_file;
  if (file.empty()) return std::string();
  auto text = read_file(file);
  if (!text) return SourceFailure(text.error());
  const std::string secret = text->substr(0, text->find_first_of("\r\n"));
  if (options.user.empty()) return "Bearer " + secret;
  return "Basic " + encode_base64(as_bytes(options.user + ":" + secret));
}

}  // namespace

SourceResult<std::unique_ptr<LogSource>> open_source(const SourceOptions& options) {
  if (!options.data.empty()) return open_directory_source(options.data);
  auto authorization = authorization_of(options);
  if (!authorization) return SourceFailure(authorization.error());
  return open_http_source(options.url.empty() ? "http://127.0.0.1:8080" : options.url, std::move(*authorization));
}

}  // namespace bitacora::app
