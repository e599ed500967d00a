#include "fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace bitacora::bench {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t connect_timeout_ns = 30 * second_ns;
constexpr std::int64_t tick_ns = 100'000'000;
constexpr std::uint32_t session_expiry_s = 24 * 3600;
constexpr std::uint32_t subscriptions_of_one = 1000;  // what servers allow a session to have

}  // namespace

Fleet::Fleet(const LoadSettings& load)
    : load_(load), prefix_(load.prefix.empty() ? fmt::format("bench/{:08x}", load.run) : load.prefix) {}

ClientSettings Fleet::client_settings(const char* role, std::uint32_t index) const {
  return {.address = load_.address,
          .version = load_.version,
          .client_id = fmt::format("bench-{:08x}-{}-{}", load_.run, role, index),
          .clean_start = true,
          .session_expiry_s = 0};
}

void Fleet::add_publishers() {
  for (std::uint32_t index = 0; index < load_.publishers; ++index) {
    PublisherSettings settings;
    settings.client = client_settings("pub", index);
    settings.run = load_.run;
    settings.index = index;
    settings.qos = load_.qos;
    settings.window = load_.window;
    settings.payload = load_.payload;
    for (std::uint32_t topic = 0; topic < load_.topics; ++topic) {
      settings.topics.push_back(fmt::format("{}/{}/{}", prefix_, index, topic));
    }
    settings.messages = load_.messages > 0
                            ? load_.messages / load_.publishers + (index < load_.messages % load_.publishers ? 1 : 0)
                            : std::numeric_limits<std::uint64_t>::max();
    publishers_.push_back(std::make_unique<Publisher>(loop_, std::move(settings)));
    Publisher& publisher = *publishers_.back();
    await_connected(publisher, [&] { return publisher.is_connected(); });
  }
}

void Fleet::add_bystanders() {
  for (std::uint32_t done = 0; done < load_.bystanders;) {
    const auto index = static_cast<std::uint32_t>(bystanders_.size());
    const std::uint32_t count = std::min(load_.bystanders - done, subscriptions_of_one);
    BystanderSettings settings{client_settings("by", index), fmt::format("bystander/{:08x}/{}", load_.run, index),
                               count};
    bystanders_.push_back(std::make_unique<Bystander>(loop_, std::move(settings)));
    const Bystander& bystander = *bystanders_.back();
    await_connected(*bystanders_.back(), [&] { return bystander.is_subscribed(); });
    done += count;
  }
}

void Fleet::add_subscriber(SubscriberSettings settings) {
  if (!settings.client.clean_start) settings.client.session_expiry_s = session_expiry_s;
  subscribers_.push_back(std::make_unique<Subscriber>(loop_, std::move(settings)));
  Subscriber& subscriber = *subscribers_.back();
  await_connected(subscriber, [&] { return subscriber.is_subscribed(); });
}

void Fleet::dismiss_subscribers() {
  for (const auto& subscriber : subscribers_) subscriber->disconnect();
  subscribers_.clear();
}

void Fleet::await_connected(Client& client, const std::function<bool()>& is_ready) {
  drive([&] { return is_ready() || !client.is_open(); }, now_ns() + connect_timeout_ns);
  if (!client.failure().empty()) throw std::runtime_error(client.failure());
  if (!is_ready()) throw std::runtime_error("the server did not answer CONNECT or SUBSCRIBE within 30 s");
}

void Fleet::step(std::int64_t deadline_ns) {
  std::int64_t wake_ns = std::min(deadline_ns, now_ns() + tick_ns);
  if (load_.rate > 0) {
    for (const auto& publisher : publishers_) {
      publisher->pump();
      publisher->flush();
      wake_ns = std::min(wake_ns, publisher->next_due_ns());
    }
  }
  loop_.run_once(wake_ns);
}

bool Fleet::drive(const std::function<bool()>& is_complete, std::int64_t deadline_ns) {
  std::int64_t next_tick_ns = now_ns() + tick_ns;
  while (!is_complete()) {
    const std::int64_t now = now_ns();
    if (now >= deadline_ns) return false;
    if (now >= next_tick_ns) {
      next_tick_ns = now + tick_ns;
      for (const auto& publisher : publishers_) publisher->keep_alive(now);
      for (const auto& subscriber : subscribers_) subscriber->keep_alive(now);
      for (const auto& bystander : bystanders_) bystander->keep_alive(now);
    }
    step(deadline_ns);
  }
  return true;
}

bool Fleet::await_acknowledgements() {
  const auto is_done = [](const auto& publisher) { return publisher->is_done() || !publisher->is_open(); };
  const auto all_done = [&] { return std::all_of(publishers_.begin(), publishers_.end(), is_done); };
  const auto progress = [&] {
    std::uint64_t count = 0;
    for (const auto& publisher : publishers_) count += publisher->sent() + publisher->acknowledged();
    return count;
  };
  const auto patience_ns = static_cast<std::int64_t>(load_.patience_s * 1e9);
  for (std::uint64_t before = progress();; before = progress()) {
    if (drive(all_done, now_ns() + patience_ns)) return true;
    if (progress() == before) return false;
  }
}

Phase Fleet::publish(Report& report) {
  Phase phase;
  phase.name = "publish";
  phase.latency_of = "due to acknowledged";
  const Meter meter(load_.server_pid);
  const std::int64_t start_ns = now_ns();
  const Schedule schedule{load_.rate, start_ns, load_.publishers};
  for (const auto& publisher : publishers_) publisher->start(schedule);
  if (load_.duration_s > 0) {
    const auto all_done = [&] {
      return std::all_of(publishers_.begin(), publishers_.end(),
                         [](const auto& publisher) { return publisher->is_done() || !publisher->is_open(); });
    };
    drive(all_done, start_ns + static_cast<std::int64_t>(load_.duration_s * 1e9));
    for (const auto& publisher : publishers_) publisher->stop();
  }
  if (!await_acknowledgements()) report.failures.emplace_back("acknowledgements are missing");

  std::int64_t end_ns = start_ns;
  if (load_.qos == 0) {
    for (const auto& publisher : publishers_) publisher->ping();
    const auto is_answered = [](const auto& publisher) { return publisher->is_answered() || !publisher->is_open(); };
    drive([&] { return std::all_of(publishers_.begin(), publishers_.end(), is_answered); },
          now_ns() + static_cast<std::int64_t>(load_.patience_s * 1e9));
    end_ns = now_ns();
  }
  for (const auto& publisher : publishers_) {
    end_ns = std::max(end_ns, publisher->last_acknowledged_ns());
    phase.latency.add(publisher->latency());
    report.sent += publisher->sent();
    report.acknowledged += publisher->acknowledged();
    report.refused += publisher->refused();
    report.unexpected += publisher->unexpected();
  }
  phase.messages = load_.qos == 0 ? report.sent : report.acknowledged;
  phase.seconds = static_cast<double>(end_ns - start_ns) / 1e9;
  meter.finish(phase);
  return phase;
}

void Fleet::receive(Report& report, const std::function<bool()>& is_complete, Completion completion) {
  const auto received = [&] {
    std::uint64_t count = 0;
    for (const auto& subscriber : subscribers_) count += subscriber->messages();
    return count;
  };
  const auto lost_all = [&] {
    return std::none_of(subscribers_.begin(), subscribers_.end(), [](const auto& s) { return s->is_open(); });
  };
  const auto patience_ns = static_cast<std::int64_t>(load_.patience_s * 1e9);
  for (std::uint64_t before = received();; before = received()) {
    if (drive([&] { return is_complete() || lost_all(); }, now_ns() + patience_ns)) return;
    if (received() == before) break;
  }
  if (completion == Completion::required) {
    report.failures.push_back(fmt::format("nothing more came for {:g} s", load_.patience_s));
  }
}

std::vector<std::uint64_t> Fleet::sent_by_publisher() const {
  std::vector<std::uint64_t> sent;
  for (const auto& publisher : publishers_) sent.push_back(publisher->sent());
  return sent;
}

void Fleet::enter_failures(Report& report) const {
  for (const auto& publisher : publishers_) {
    if (!publisher->failure().empty()) report.failures.push_back("publisher: " + publisher->failure());
  }
  for (const auto& subscriber : subscribers_) {
    if (!subscriber->failure().empty()) report.failures.push_back("subscriber: " + subscriber->failure());
  }
  for (const auto& bystander : bystanders_) {
    if (!bystander->failure().empty()) report.failures.push_back("bystander: " + bystander->failure());
  }
}

Meter::Meter(int server_pid)
    : server_pid_(server_pid), server_before_(use_of_process(server_pid)), loader_before_s_(own_cpu_s()) {}

void Meter::finish(Phase& phase) const {
  phase.server_before = server_before_;
  phase.server_after = use_of_process(server_pid_);
  phase.server_cpu_s = phase.server_after.cpu_s - server_before_.cpu_s;
  phase.loader_cpu_s = own_cpu_s() - loader_before_s_;
}

Report report_of(const char* command, const LoadSettings& load) {
  Report report;
  report.command = command;
  report.qos = load.qos;
  report.settings = {{"version", load.version == Version::v5 ? "5.0" : "3.1.1"},
                     {"qos", std::to_string(load.qos)},
                     {"publishers", std::to_string(load.publishers)},
                     {"window", std::to_string(load.window)},
                     {"payload", std::to_string(load.payload)},
                     {"topics", std::to_string(load.topics)}};
  report.settings.emplace_back("loop", load.rate > 0 ? fmt::format("open at {:g}/s", load.rate) : "closed");
  return report;
}

}  // namespace bitacora::bench
