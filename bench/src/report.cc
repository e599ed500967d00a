#include "report.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

namespace bitacora::bench {
namespace {

struct Quantile {
  const char* name;
  double share;
};
constexpr std::array<Quantile, 4> quantiles{{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

double to_us(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; }
double to_mib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void print(const Phase& phase) {
  fmt::print("  {:<8} {:>10} messages in {:>8.3f} s  {:>10.0f} msg/s\n", phase.name, phase.messages, phase.seconds,
             phase.rate());
  if (phase.bytes > 0) {
    fmt::print("           {:.1f} MB, {:.1f} MB/s\n", static_cast<double>(phase.bytes) / 1e6,
               static_cast<double>(phase.bytes) / 1e6 / phase.seconds);
  }
  if (phase.latency.count() > 0) {
    fmt::print("           {} (us):", phase.latency_of);
    for (const Quantile& q : quantiles) fmt::print("  {} {:.0f}", q.name, to_us(phase.latency.quantile(q.share)));
    fmt::print("  max {:.0f}\n", to_us(phase.latency.max()));
  }
  if (phase.server_after.rss_bytes > 0) {
    fmt::print("           server: {:.2f} CPU s, {:.1f} MiB resident, {:.1f} MiB at most", phase.server_cpu_s,
               to_mib(phase.server_after.rss_bytes), to_mib(phase.server_after.peak_bytes));
    fmt::print("; loader: {:.2f} CPU s\n", phase.loader_cpu_s);
  } else {
    fmt::print("           loader: {:.2f} CPU s\n", phase.loader_cpu_s);
  }
}

boost::json::object to_object(const Phase& phase) {
  boost::json::object object{{"name", phase.name},
                             {"messages", phase.messages},
                             {"seconds", phase.seconds},
                             {"messages_per_second", phase.rate()},
                             {"loader_cpu_seconds", phase.loader_cpu_s}};
  if (phase.bytes > 0) object["bytes"] = phase.bytes;
  if (phase.latency.count() > 0) {
    boost::json::object latency{{"of", phase.latency_of}, {"count", phase.latency.count()}};
    for (const Quantile& q : quantiles) latency[q.name] = to_us(phase.latency.quantile(q.share));
    latency["max"] = to_us(phase.latency.max());
    object["latency_us"] = std::move(latency);
  }
  if (phase.server_after.rss_bytes > 0) {
    object["server"] = {{"cpu_seconds", phase.server_cpu_s},
                        {"rss_before_bytes", phase.server_before.rss_bytes},
                        {"rss_bytes", phase.server_after.rss_bytes},
                        {"peak_rss_bytes", phase.server_after.peak_bytes}};
  }
  return object;
}

}  // namespace

bool Report::is_good() const {
  if (!failures.empty() || refused > 0 || unexpected > 0) return false;
  if (qos > 0 && acknowledged != sent) return false;
  if (!has_deliveries) return true;
  if (findings.out_of_order > 0) return false;
  if (qos > 0 && findings.lost > 0) return false;
  return qos == 1 || findings.duplicates == 0;
}

void print(const Report& report) {
  fmt::print("{}", report.command);
  for (const auto& [name, value] : report.settings) fmt::print(" {}={}", name, value);
  fmt::print("\n");
  for (const Phase& phase : report.phases) print(phase);
  fmt::print("  check    {} sent, {} acknowledged", report.sent, report.acknowledged);
  if (report.refused > 0) fmt::print(", {} refused", report.refused);
  if (report.unexpected > 0) fmt::print(", {} acknowledgements of nothing", report.unexpected);
  if (report.has_deliveries) {
    fmt::print("; {} received", report.findings.received);
    if (report.expected > 0) fmt::print(" of {}, {} lost", report.expected, report.findings.lost);
    fmt::print(", {} twice, {} out of order", report.findings.duplicates, report.findings.out_of_order);
    if (report.findings.foreign > 0) fmt::print(", {} of others", report.findings.foreign);
  }
  fmt::print(": {}\n", report.is_good() ? "good" : "BAD");
  for (const std::string& failure : report.failures) fmt::print("  failure  {}\n", failure);
}

std::string to_json(const Report& report) {
  boost::json::object settings;
  for (const auto& [name, value] : report.settings) settings[name] = value;
  boost::json::array phases;
  for (const Phase& phase : report.phases) phases.push_back(to_object(phase));
  boost::json::object check{{"good", report.is_good()},
                            {"sent", report.sent},
                            {"acknowledged", report.acknowledged},
                            {"refused", report.refused},
                            {"unexpected_acknowledgements", report.unexpected}};
  if (report.has_deliveries) {
    check["expected"] = report.expected;
    check["received"] = report.findings.received;
    check["lost"] = report.findings.lost;
    check["duplicates"] = report.findings.duplicates;
    check["out_of_order"] = report.findings.out_of_order;
    check["foreign"] = report.findings.foreign;
  }
  boost::json::array failures;
  for (const std::string& failure : report.failures) failures.emplace_back(failure);
  const boost::json::object whole{{"command", report.command},
                                  {"settings", std::move(settings)},
                                  {"phases", std::move(phases)},
                                  {"check", std::move(check)},
                                  {"failures", std::move(failures)}};
  return boost::json::serialize(whole) + "\n";
}

}  // namespace bitacora::bench
