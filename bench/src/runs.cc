#include "runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "fleet.h"

namespace bitacora::bench {
namespace {

SubscriberSettings subscriber_settings(const Fleet& fleet, const LoadSettings& load, std::uint32_t index,
                                       std::string filter, std::uint8_t qos) {
  return {.client = fleet.client_settings("sub", index),
          .filter = std::move(filter),
          .qos = qos,
          .run = load.run,
          .topics = load.topics};
}

// The phase from `start_ns` to the last message that any subscriber got.
Phase delivery_phase(Fleet& fleet, const char* name, std::int64_t start_ns) {
  Phase phase;
  phase.name = name;
  std::int64_t last_ns = start_ns;
  for (const auto& subscriber : fleet.subscribers()) {
    phase.messages += subscriber->messages();
    phase.latency.add(subscriber->latency());
    last_ns = std::max(last_ns, subscriber->last_ns());
  }
  phase.seconds = static_cast<double>(last_ns - start_ns) / 1e9;
  return phase;
}

// Enters what one subscriber was to get and got.
void enter_deliveries(Report& report, const Subscriber& subscriber, const std::vector<std::uint64_t>& sent) {
  report.has_deliveries = true;
  for (const std::uint64_t count : sent) report.expected += count;
  report.findings += subscriber.ledger().close(sent);
}

}  // namespace

Report run_publish(const LoadSettings& load, const std::string& verify_filter) {
  Report report = report_of("publish", load);
  Fleet fleet(load);
  fleet.add_bystanders();
  fleet.add_publishers();
  report.phases.push_back(fleet.publish(report));
  if (!verify_filter.empty()) {
    const Meter meter(load.server_pid);
    const std::int64_t start_ns = now_ns();
    fleet.add_subscriber(subscriber_settings(fleet, load, 0, verify_filter, std::min<std::uint8_t>(load.qos, 1)));
    const Subscriber& reader = *fleet.subscribers().front();
    fleet.receive(
        report, [&] { return reader.ledger().received() >= report.sent; }, Fleet::Completion::required);
    Phase phase = delivery_phase(fleet, "verify", start_ns);
    phase.latency = {};  // a replay's age says nothing about speed
    meter.finish(phase);
    report.phases.push_back(phase);
    enter_deliveries(report, reader, fleet.sent_by_publisher());
  }
  fleet.enter_failures(report);
  return report;
}

Report run_subscribe(const LoadSettings& load, const SubscribeSettings& subscribe) {
  Report report = report_of("subscribe", load);
  report.settings = {{"filter", subscribe.filter},
                     {"subscribers", std::to_string(subscribe.subscribers)},
                     {"qos", std::to_string(load.qos)}};
  Fleet fleet(load);
  const Meter meter(load.server_pid);
  const std::int64_t start_ns = now_ns();
  for (std::uint32_t index = 0; index < subscribe.subscribers; ++index) {
    SubscriberSettings settings = subscriber_settings(fleet, load, index, subscribe.filter, load.qos);
    settings.run.reset();
    fleet.add_subscriber(std::move(settings));
  }
  const std::int64_t end_ns = load.duration_s > 0 ? start_ns + static_cast<std::int64_t>(load.duration_s * 1e9)
                                                  : std::numeric_limits<std::int64_t>::max();
  const auto is_complete = [&] {
    if (now_ns() >= end_ns) return true;
    return subscribe.messages > 0 && std::all_of(fleet.subscribers().begin(), fleet.subscribers().end(),
                                                 [&](const auto& s) { return s->messages() >= subscribe.messages; });
  };
  fleet.receive(report, is_complete,
                subscribe.messages > 0 ? Fleet::Completion::required : Fleet::Completion::optional);
  Phase phase = delivery_phase(fleet, "receive", start_ns);
  phase.latency_of = "due to received";
  meter.finish(phase);
  report.phases.push_back(phase);
  report.expected = subscribe.messages * subscribe.subscribers;
  for (const auto& subscriber : fleet.subscribers()) enter_deliveries(report, *subscriber, {});
  fleet.enter_failures(report);
  return report;
}

Report run_pubsub(const LoadSettings& load, const PubsubSettings& pubsub) {
  Report report = report_of("pubsub", load);
  const bool is_pairs = pubsub.topology == Topology::pairs;
  const std::uint32_t subscribers = is_pairs ? load.publishers : pubsub.subscribers;
  report.qos = std::min(load.qos, pubsub.subscribe_qos);
  report.settings.emplace_back("topology", is_pairs ? "pairs" : fmt::format("fan-out to {}", subscribers));
  report.settings.emplace_back("subscribe_qos", std::to_string(pubsub.subscribe_qos));

  Fleet fleet(load);
  for (std::uint32_t index = 0; index < subscribers; ++index) {
    std::string filter = is_pairs ? fmt::format("{}/{}/#", fleet.prefix(), index) : fleet.prefix() + "/#";
    fleet.add_subscriber(subscriber_settings(fleet, load, index, std::move(filter), pubsub.subscribe_qos));
  }
  fleet.add_publishers();

  const Meter meter(load.server_pid);
  const std::int64_t start_ns = now_ns();
  report.phases.push_back(fleet.publish(report));
  if (report.qos == 0) report.acknowledged = load.qos == 0 ? 0 : report.acknowledged;
  const std::vector<std::uint64_t> sent = fleet.sent_by_publisher();
  const auto wanted_by = [&](std::size_t subscriber) {
    if (!is_pairs) return sent;
    std::vector<std::uint64_t> own(sent.size(), 0);
    own[subscriber] = sent[subscriber];
    return own;
  };
  const std::uint64_t expected = is_pairs ? report.sent : report.sent * subscribers;
  const auto received = [&] {
    std::uint64_t count = 0;
    for (const auto& subscriber : fleet.subscribers()) count += subscriber->ledger().received();
    return count;
  };
  fleet.receive(
      report, [&] { return received() >= expected; },
      report.qos == 0 ? Fleet::Completion::optional : Fleet::Completion::required);
  Phase phase = delivery_phase(fleet, "deliver", start_ns);
  phase.latency_of = "due to received";
  meter.finish(phase);
  report.phases.push_back(phase);
  for (std::size_t index = 0; index < subscribers; ++index) {
    enter_deliveries(report, *fleet.subscribers()[index], wanted_by(index));
  }
  fleet.enter_failures(report);
  return report;
}

Report run_resume(const LoadSettings& load, std::uint32_t subscribers) {
  Report report = report_of("resume", load);
  report.settings.emplace_back("subscribers", std::to_string(subscribers));
  Fleet fleet(load);
  const auto connect_all = [&](bool clean_start) {
    for (std::uint32_t index = 0; index < subscribers; ++index) {
      SubscriberSettings settings = subscriber_settings(fleet, load, index, fleet.prefix() + "/#", load.qos);
      settings.client.clean_start = clean_start;
      fleet.add_subscriber(std::move(settings));
    }
  };
  connect_all(false);
  fleet.dismiss_subscribers();

  fleet.add_publishers();
  report.phases.push_back(fleet.publish(report));

  const Meter meter(load.server_pid);
  const std::int64_t start_ns = now_ns();
  connect_all(false);
  const bool are_resumed = std::all_of(fleet.subscribers().begin(), fleet.subscribers().end(),
                                       [](const auto& s) { return s->connack()->session_present; });
  if (!are_resumed) report.failures.emplace_back("the server forgot a session");
  fleet.receive(
      report,
      [&] {
        return std::all_of(fleet.subscribers().begin(), fleet.subscribers().end(),
                           [&](const auto& s) { return s->ledger().received() >= report.sent; });
      },
      Fleet::Completion::required);
  Phase phase = delivery_phase(fleet, "resume", start_ns);
  phase.latency = {};  // they waited for the subscriber
  meter.finish(phase);
  report.phases.push_back(phase);
  for (const auto& subscriber : fleet.subscribers()) enter_deliveries(report, *subscriber, fleet.sent_by_publisher());
  fleet.enter_failures(report);

  fleet.dismiss_subscribers();
  connect_all(true);  // leaves no sessions behind
  fleet.dismiss_subscribers();
  return report;
}

}  // namespace bitacora::bench
