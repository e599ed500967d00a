#include "idle.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>
#include <stdexcept>
#include <vector>

#include "event_loop.h"
#include "process_use.h"

namespace bitacora::bench {
namespace {

constexpr std::int64_t patience_ns = 30'000'000'000;
constexpr std::int64_t tick_ns = 100'000'000;

class IdleClient final : public Client {
 public:
  using Client::Client;
  void subscribe(std::string_view filter, Version version) {
    put_subscribe(output(), version, 1, filter, 1);
    flush();
  }
  [[nodiscard]] bool is_subscribed() const { return is_subscribed_; }

 private:
  void on_answer(const Packet& packet) override {
    if (packet.type == Type::suback) is_subscribed_ = true;
  }
  bool is_subscribed_ = false;
};

std::uint64_t memory_of(int pid) {
  const std::uint64_t bytes = use_of_process(pid).rss_bytes;
  if (bytes == 0) throw std::runtime_error(fmt::format("there is no process {}: give --server-pid", pid));
  return bytes;
}

class Crowd {
 public:
  explicit Crowd(const IdleSettings& settings) : settings_(settings) {}

  void connect() {
    for (std::uint32_t i = 0; i < settings_.connections; ++i) {
      clients_.push_back(std::make_unique<IdleClient>(
          loop_, ClientSettings{.address = settings_.address,
                                .version = settings_.version,
                                .client_id = fmt::format("idle-{:08x}-{}", settings_.run, i)}));
      IdleClient& client = *clients_.back();
      await(client, [&client] { return client.is_connected(); });
    }
  }
  void subscribe() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      IdleClient& client = *clients_[i];
      client.subscribe(fmt::format("idle/{:08x}/{}", settings_.run, i), settings_.version);
      await(client, [&client] { return client.is_subscribed(); });
    }
  }
  // Finds out as well that none was lost meanwhile.
  void ping() {
    for (const auto& client : clients_) {
      client->ping();
      await(*client, [&client] { return client->is_answered(); });
    }
  }

 private:
  template <class Condition>
  void await(const IdleClient& client, const Condition& holds) {
    for (const std::int64_t deadline = now_ns() + patience_ns; !holds();) {
      if (!client.failure().empty()) throw std::runtime_error(client.failure());
      if (now_ns() > deadline) throw std::runtime_error("the server did not answer within 30 s");
      loop_.run_once(now_ns() + tick_ns);
    }
  }

  const IdleSettings& settings_;
  EventLoop loop_;
  std::vector<std::unique_ptr<IdleClient>> clients_;
};

}  // namespace

double IdleReport::each(std::uint64_t then) const {
  return (static_cast<double>(then) - static_cast<double>(before)) / settings.connections;
}

IdleReport run_idle(const IdleSettings& settings) {
  IdleReport report{.settings = settings, .before = memory_of(settings.server_pid)};
  Crowd crowd(report.settings);
  crowd.connect();
  report.connected = memory_of(settings.server_pid);
  crowd.subscribe();
  report.subscribed = memory_of(settings.server_pid);
  crowd.ping();
  report.pinged = memory_of(settings.server_pid);
  return report;
}

void print(const IdleReport& report) {
  const auto line = [&report](const char* what, std::uint64_t then) {
    fmt::print("  {:<12} {:>8.1f} MiB resident, {:>7.0f} bytes a connection\n", what,
               static_cast<double>(then) / (1 << 20), report.each(then));
  };
  fmt::print("idle connections={} version={}\n", report.settings.connections,
             report.settings.version == Version::v5 ? "5.0" : "3.1.1");
  fmt::print("  {:<12} {:>8.1f} MiB resident\n", "before", static_cast<double>(report.before) / (1 << 20));
  line("connected", report.connected);
  line("subscribed", report.subscribed);
  line("pinged", report.pinged);
}

std::string to_json(const IdleReport& report) {
  const boost::json::object whole{{"command", "idle"},
                                  {"connections", report.settings.connections},
                                  {"before_rss_bytes", report.before},
                                  {"connected_rss_bytes", report.connected},
                                  {"subscribed_rss_bytes", report.subscribed},
                                  {"pinged_rss_bytes", report.pinged},
                                  {"connected_bytes_each", report.each(report.connected)},
                                  {"subscribed_bytes_each", report.each(report.subscribed)}};
  return boost::json::serialize(whole) + "\n";
}

}  // namespace bitacora::bench
