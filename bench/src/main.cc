#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <fstream>
#include <random>

#include "http_replay.h"
#include "idle.h"
#include "runs.h"

namespace {

using namespace bitacora::bench;

constexpr int exit_bad = 1;    // the server broke a promise
constexpr int exit_error = 2;  // the run could not be made

struct Output {
  std::string json_file;  // "-": standard output instead of text
};

void add_connection_options(CLI::App& command, LoadSettings& load) {
  command.add_option("--host", load.address.host, "Where the server listens")->capture_default_str();
  command.add_option("--port", load.address.port, "Its port")->capture_default_str();
  command
      .add_option_function<std::string>(
          "--version",
          [&load](const std::string& text) { load.version = text == "5.0" ? Version::v5 : Version::v3_1_1; },
          "MQTT version: 3.1.1 (default) or 5.0")
      ->check(CLI::IsMember({"3.1.1", "5.0"}));
  command.add_option("--qos", load.qos, "0, 1 or 2")->check(CLI::Range(0, 2))->capture_default_str();
  command.add_option("--patience", load.patience_s, "Seconds without progress after which what is missing is lost")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--server-pid", load.server_pid, "Process whose CPU time and memory are reported");
}

void add_publish_options(CLI::App& command, LoadSettings& load) {
  command.add_option("--publishers,--connections", load.publishers, "Connections that publish")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--window", load.window, "Publishes in flight of each connection, QoS 1 and 2")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  command.add_option("--payload", load.payload, "Bytes of each payload, at least 28")
      ->check(CLI::Range(std::size_t{28}, std::size_t{16} << 20))
      ->capture_default_str();
  command.add_option("--topics", load.topics, "Topics of each publisher: <prefix>/<publisher>/<n>")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command.add_option("--prefix", load.prefix, "Topic prefix (default: one of this run's own)");
  auto* const messages =
      command.add_option("--messages", load.messages, "How many, all connections together")->capture_default_str();
  command.add_option("--duration", load.duration_s, "Seconds to publish instead of a number of messages")
      ->check(CLI::PositiveNumber)
      ->excludes(messages);
  command.add_option("--rate", load.rate,
                     "Messages per second, all connections together: open loop, latency from the scheduled time "
                     "(default: closed loop, as fast as the window allows)");
}

// Of the command `publish` alone.
void add_publish_command_options(CLI::App& command, LoadSettings& load, std::string& verify_filter) {
  command.add_option("--verify", verify_filter,
                     "Subscribe to this filter afterwards, e.g. '$replay/earliest/bench/#', and expect every message");
  command.add_option("--bystanders", load.bystanders, "Subscriptions of others, which match nothing that is published")
      ->check(CLI::Range(0, 10'000'000));
}

void add_subscribe_options(CLI::App& command, LoadSettings& load, SubscribeSettings& subscribe) {
  command.add_option("--filter", subscribe.filter, "Topic filter")->capture_default_str();
  command.add_option("--subscribers", subscribe.subscribers, "Connections")->capture_default_str();
  command.add_option("--messages", subscribe.messages, "How many each is to receive");
  command.add_option("--topics", load.topics, "Topics of each publisher, for the check of order")
      ->capture_default_str();
  command.add_option("--duration", load.duration_s, "Seconds to receive");
}

void add_pubsub_options(CLI::App& command, PubsubSettings& pubsub) {
  command.add_option("--subscribers", pubsub.subscribers, "Fan-out: connections that each receive everything")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--subscribe-qos", pubsub.subscribe_qos, "0, 1 or 2")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  command.add_flag_callback(
      "--pairs", [&] { pubsub.topology = Topology::pairs; }, "One subscriber for each publisher instead");
}

void add_http_replay_options(CLI::App& command, HttpReplaySettings& replay) {
  command.add_option("--host", replay.address.host, "Where the server's HTTP door listens")->capture_default_str();
  command.add_option("--port", replay.address.port, "Its port")->default_val(std::uint16_t{8080});
  command.add_option("--log", replay.log, "The log; all its partitions are read, one after the other")
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--as",
          [&replay](const std::string& text) {
            replay.form = text == "batches" ? ReplayForm::batches : ReplayForm::json;
          },
          "json (default), or batches: the log's bytes")
      ->check(CLI::IsMember({"json", "batches"}));
  command.add_option("--from", replay.from, "earliest, an offset, -1h, @<time>")->capture_default_str();
  command.add_option("--filter", replay.filter, "Only what this MQTT topic filter matches; json only");
  command.add_option("--max-bytes", replay.max_bytes, "Of one answer")->capture_default_str();
  command.add_option("--server-pid", replay.server_pid, "Process whose CPU time and memory are reported");
}

void add_null_server_options(CLI::App& command, Address& address, std::string& ports_file) {
  command.add_option("--host", address.host, "Address to listen at")->capture_default_str();
  command.add_option("--port", address.port, "Port, 0 for any")->capture_default_str();
  command.add_option("--ports-file", ports_file, "Where to write mqtt=<port> once it listens");
}

std::uint32_t random_run() { return std::random_device{}(); }

int finish(const Report& report, const Output& output) {
  if (output.json_file == "-") {
    fmt::print("{}", to_json(report));
  } else {
    print(report);
    if (!output.json_file.empty()) std::ofstream(output.json_file) << to_json(report);
  }
  return report.is_good() ? 0 : exit_bad;
}

int finish(const IdleReport& report, const Output& output) {
  if (output.json_file == "-") {
    fmt::print("{}", to_json(report));
  } else {
    print(report);
    if (!output.json_file.empty()) std::ofstream(output.json_file) << to_json(report);
  }
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app{"Loads an MQTT server and checks what it does: nothing lost, nothing twice, order kept"};
  app.require_subcommand(1);
  LoadSettings load;
  load.run = random_run();
  Output output;
  std::string verify_filter;
  SubscribeSettings subscribe;
  PubsubSettings pubsub;
  std::uint32_t resuming = 1;
  std::uint32_t idle_connections = 10'000;
  HttpReplaySettings http_replay;
  std::string ports_file;

  auto* const publish_command = app.add_subcommand("publish", "Publish and wait for the acknowledgements");
  add_connection_options(*publish_command, load);
  add_publish_options(*publish_command, load);
  add_publish_command_options(*publish_command, load, verify_filter);

  auto* const subscribe_command = app.add_subcommand("subscribe", "Receive what others publish, or a replay");
  add_connection_options(*subscribe_command, load);
  add_subscribe_options(*subscribe_command, load, subscribe);

  auto* const pubsub_command = app.add_subcommand("pubsub", "Publish and receive; latency from end to end");
  add_connection_options(*pubsub_command, load);
  add_publish_options(*pubsub_command, load);
  add_pubsub_options(*pubsub_command, pubsub);

  auto* const resume_command =
      app.add_subcommand("resume", "Persistent subscribers leave, messages are published, they come back");
  add_connection_options(*resume_command, load);
  add_publish_options(*resume_command, load);
  resume_command->add_option("--subscribers", resuming, "Persistent subscribers")->capture_default_str();

  auto* const idle_command =
      app.add_subcommand("idle", "Connections that do nothing: the server's memory for each of them");
  add_connection_options(*idle_command, load);
  idle_command->add_option("--connections", idle_connections, "How many")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();

  auto* const http_command = app.add_subcommand("http-replay", "Read a log over HTTP, from its start to its end");
  add_http_replay_options(*http_command, http_replay);

  auto* const null_command =
      app.add_subcommand("null-server", "Acknowledge everything, do nothing: the loader's own limit");
  add_null_server_options(*null_command, load.address, ports_file);

  for (auto* const command :
       {publish_command, subscribe_command, pubsub_command, resume_command, idle_command, http_command}) {
    command->add_option("--json", output.json_file, "Write the report as JSON to this file, or - for standard output");
  }
  CLI11_PARSE(app, argc, argv);

  raise_file_limit();
  if (load.duration_s > 0) load.messages = 0;
  if (publish_command->parsed()) return finish(run_publish(load, verify_filter), output);
  if (subscribe_command->parsed()) return finish(run_subscribe(load, subscribe), output);
  if (pubsub_command->parsed()) return finish(run_pubsub(load, pubsub), output);
  if (http_command->parsed()) return finish(run_http_replay(http_replay), output);
  if (resume_command->parsed()) return finish(run_resume(load, resuming), output);
  if (idle_command->parsed()) {
    const IdleSettings idle{load.address, load.version, idle_connections, load.server_pid, load.run};
    return finish(run_idle(idle), output);
  }
  run_null_server(load.address, ports_file);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bitacora-bench: {}\n", error.what());
    return exit_error;
  }
}
