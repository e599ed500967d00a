// bitacora serve
#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/config.h"
#include "commands.h"
#include "data_mount.h"
#include "server_process.h"

namespace bitacora::app {
namespace {

struct ServeArguments {
  std::string config_file;
  std::string data;
  std::vector<std::string> mqtt;
  std::vector<std::string> http;
  std::string ports_file;
  std::optional<std::uint32_t> shards;
  bool allow_anonymous = false;
};

using Mistake = tl::unexpected<std::string>;

Result<void, std::string> replace_listeners(ServerConfig& config, Protocol protocol,
                                            const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  std::erase_if(config.listeners, [&](const Listener& listener) { return listener.protocol == protocol; });
  for (const std::string& text : texts) {
    auto listener = parse_listener(protocol, text);
    if (!listener)
      return Mistake("--" + std::string(name_of(protocol)) + " " + text +
                     ": expected ADDRESS:PORT, e.g. 127.0.0.1:1883" +
                     (protocol == Protocol::mqtt ? ", or unix:PATH" : ""));
    listener->declared_in = "--" + std::string(name_of(protocol));
    config.listeners.push_back(std::move(*listener));
  }
  return {};
}

// The file (or the defaults), then the flags over it; the error is every mistake, a line each.
Result<ServerConfig, std::string> read_config(const ServeArguments& arguments) {
  ServerConfig config;
  if (!arguments.config_file.empty()) {
    auto loaded = load_config(arguments.config_file);
    if (!loaded) {
      std::string mistakes;
      for (const auto& mistake : loaded.error()) mistakes += format(mistake) + "\n";
      mistakes.pop_back();
      return Mistake(std::move(mistakes));
    }
    config = std::move(*loaded);
  }
  if (!arguments.data.empty()) config.data_directory = arguments.data;
  if (arguments.shards) config.shards = *arguments.shards;
  if (arguments.allow_anonymous) config.anonymous = Anonymous::everywhere;
  if (auto replaced = replace_listeners(config, Protocol::mqtt, arguments.mqtt); !replaced)
    return Mistake(replaced.error());
  if (auto replaced = replace_listeners(config, Protocol::http, arguments.http); !replaced)
    return Mistake(replaced.error());
  if (auto refusal = refusal_of_exposure(config)) return Mistake(*refusal);
  return config;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace: return spdlog::level::trace;
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

void tell_recovery(const storage::RecoveryReport& report) {
  if (report.partitions.empty()) {
    spdlog::info("a new data directory");
    return;
  }
  spdlog::info("recovery: {} in {} ms, {} partitions",
               report.clean_shutdown ? "after a clean stop" : "after a crash or kill", report.took.count(),
               report.partitions.size());
  for (const std::string& note : report.notes) spdlog::warn("recovery: {}", note);
  for (const storage::PartitionRecovery& partition : report.partitions) {
    const std::string name = fmt::format("{}/{}", partition.log, partition.partition);
    if (partition.cut_bytes > 0) {
      spdlog::warn("recovery: {}: {} bytes behind offset {} were cut; they were never acknowledged", name,
                   partition.cut_bytes, partition.durable_end);
    }
    if (partition.memory_lost_before > 0) {
      spdlog::warn("recovery: {}: durability is memory: what was acknowledged below offset {} is gone", name,
                   partition.memory_lost_before);
    }
    for (const storage::Quarantine& damage : partition.quarantined) {
      spdlog::error("recovery: {}: records {} to before {} cannot be read: {} at byte {} ({} bytes): {}", name,
                    damage.offsets.begin, damage.offsets.end, damage.segment, damage.position, damage.size, damage.why);
    }
    for (const std::string& note : partition.notes) spdlog::warn("recovery: {}: {}", name, note);
  }
}

// Whole or not there: who waits for the file never reads half of it.
Result<void, std::string> write_ports(const std::string& file, const ServerProcess& server) {
  const std::string unfinished = file + ".tmp";
  {
    std::ofstream out(unfinished);
    for (const ListeningAt& listener : server.listening()) {
      if (listener.port != 0) out << listener.name << '=' << listener.port << '\n';
    }
    if (!out.flush()) return Mistake("cannot write " + unfinished);
  }
  if (std::rename(unfinished.c_str(), file.c_str()) != 0) return Mistake("cannot write " + file);
  return {};
}

void reload(ServerProcess& server, const ServeArguments& arguments) {
  auto config = read_config(arguments);
  if (!config) {
    spdlog::error("SIGHUP: the configuration was not changed:\n{}", config.error());
    return;
  }
  const LogLevel level = config->log_level;
  if (auto reloaded = server.reload(std::move(*config)); !reloaded) {
    spdlog::error("SIGHUP: {}", reloaded.error());
    return;
  }
  spdlog::set_level(level_of(level));
  spdlog::info("SIGHUP: the configuration was reloaded");
}

// Answers of tens of MiB, at the HTTP door above all, come and go. Left to itself the allocator keeps such blocks among
// the others after the first few, where one small neighbour holds on to all of it: what stays in memory grew by up to 8
// MiB at once (docs/operations.md, "Memory"). Large blocks are the kernel's from the start, then, and free ends are
// given back.
void settle_allocator() {
#ifdef M_MMAP_THRESHOLD
  constexpr int large_block = 1 << 20;
  constexpr int free_end = 4 << 20;
  mallopt(M_MMAP_THRESHOLD, large_block);
  mallopt(M_TRIM_THRESHOLD, free_end);
#endif
}

int serve(const ServeArguments& arguments) {
  settle_allocator();
  auto config = read_config(arguments);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error());
    return exit_failed;
  }
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("bitacora", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_level(level_of(config->log_level));
#ifdef BITACORA_BREAK
  spdlog::critical("THIS BUILD IS BROKEN ON PURPOSE ({}): for scripts/proof.sh; it loses what it acknowledges",
                   BITACORA_BREAK);
#endif
#ifdef BITACORA_FAILPOINTS
  spdlog::warn("this build has failpoints: for scripts/proof.sh");
#endif

  // Signals are waited for, not handled; every thread made from here on leaves them to this one.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const std::string data_directory = config->data_directory;
  ServerProcess server(std::move(*config));
  if (auto started = server.start(); !started) {
    spdlog::critical("cannot start: {}", started.error());
    return exit_failed;
  }
  tell_recovery(server.recovery_report());
  if (const auto doubt = examine_mount(data_directory).doubt) {
    spdlog::warn("the data directory {} {}", data_directory, *doubt);
  }
  for (const ListeningAt& listener : server.listening()) spdlog::info("{} on {}", listener.name, listener.where);
  if (!arguments.ports_file.empty()) {
    if (auto written = write_ports(arguments.ports_file, server); !written) {
      spdlog::critical("{}", written.error());
      return exit_failed;
    }
  }
  spdlog::info("ready; data in {}", data_directory);
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal == SIGHUP) {
      reload(server, arguments);
      continue;
    }
    spdlog::info("stopping");
    server.stop();
    spdlog::info("stopped");
    return exit_ok;
  }
}

}  // namespace

void add_serve(CLI::App& app, int& status) {
  const auto arguments = std::make_shared<ServeArguments>();
  auto* command = app.add_subcommand("serve", "Run the server");
  command->add_option("--config", arguments->config_file, "TOML configuration; flags override it")
      ->check(CLI::ExistingFile);
  command->add_option("--data", arguments->data, "Data directory (default: data)");
  command->add_option("--mqtt", arguments->mqtt,
                      "ADDRESS:PORT or unix:PATH for MQTT, may come more than once (default: 127.0.0.1:1883)");
  command->add_option("--http", arguments->http,
                      "ADDRESS:PORT for HTTP, may come more than once (default: 127.0.0.1:8080)");
  command->add_option("--shards", arguments->shards, "Event loops (default: one for each core)")
      ->check(CLI::Range(1, 256));
  command->add_option("--ports-file", arguments->ports_file,
                      "Write `mqtt=PORT` and `http=PORT`, or a listener's name, there once ready");
  command->add_flag("--allow-anonymous", arguments->allow_anonymous,
                    "Serve other machines without asking who they are");
  command->callback([arguments, &status] { status = serve(*arguments); });
}

}  // namespace bitacora::app
