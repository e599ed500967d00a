#include "torture_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

extern char** environ;

namespace bitacora::app::torture {
namespace {

using Mistake = tl::unexpected<std::string>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds start_patience{60};
constexpr std::chrono::seconds stop_patience{60};
constexpr std::chrono::milliseconds look_again{2};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

void rest() { ::poll(nullptr, 0, static_cast<int>(look_again.count())); }

}  // namespace

Server::~Server() { kill(); }

Status Server::spawn(const std::vector<std::string>& environment) {
  const std::string ports = terms_.directory + "/ports";
  const std::string config = terms_.directory + "/bitacora.toml";
  std::error_code ignored;
  std::filesystem::remove(ports, ignored);
  if (!(std::ofstream(config) << terms_.config)) return Mistake("cannot write " + config);
  std::vector<std::string> arguments{terms_.program, "serve",       "--config", config,        "--data",       data(),
                                     "--mqtt",       "127.0.0.1:0", "--http",   "127.0.0.1:0", "--ports-file", ports};
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  variables.insert(variables.end(), environment.begin(), environment.end());
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  was_killed_ = false;
  const int error = ::posix_spawn(&process_, terms_.program.c_str(), &files, nullptr, pointers(arguments).data(),
                                  pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&files);
  if (error == 0) return {};
  process_ = -1;
  return Mistake(fmt::format("cannot start {}: {}", terms_.program, std::strerror(error)));
}

Status Server::start(const std::vector<std::string>& environment) {
  if (auto done = spawn(environment); !done) return done;
  const auto ready = await_ready(start_patience);
  if (!ready) return Mistake(ready.error());
  return *ready ? Status() : Mistake(fmt::format("the server was not ready in {} s", start_patience.count()));
}

Result<bool, std::string> Server::await_ready(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (true) {
    if (read_ports()) return true;
    if (!is_running()) {
      if (was_killed_) return false;
      return Mistake(fmt::format("the server ended at its start; its log is {}", log_file()));
    }
    if (Clock::now() >= deadline) return false;
    rest();
  }
}

bool Server::read_ports() {
  std::ifstream in(terms_.directory + "/ports");
  mqtt_port_ = http_port_ = 0;
  for (std::string line; std::getline(in, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    const auto port = static_cast<std::uint16_t>(std::strtoul(line.c_str() + equals + 1, nullptr, 10));
    if (line.starts_with("mqtt=")) mqtt_port_ = port;
    if (line.starts_with("http=")) http_port_ = port;
  }
  return mqtt_port_ != 0 && http_port_ != 0;
}

void Server::reap(int status) {
  process_ = -1;
  status_ = status;
  was_killed_ = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

bool Server::is_running() {
  if (process_ < 0) return false;
  int status = 0;
  if (::waitpid(process_, &status, WNOHANG) != process_) return true;
  reap(status);
  return false;
}

bool Server::ends_within(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (is_running()) {
    if (Clock::now() > deadline) return false;
    rest();
  }
  return true;
}

void Server::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  reap(status);
}

Status Server::stop() {
  if (process_ < 0) return {};
  ::kill(process_, SIGTERM);
  if (!ends_within(stop_patience)) return Mistake("the server did not end within a minute of SIGTERM");
  if (was_killed_ || (WIFEXITED(status_) && WEXITSTATUS(status_) == 0)) return {};
  return Mistake(fmt::format("the server ended with status {}; its log is {}", status_, log_file()));
}

}  // namespace bitacora::app::torture
