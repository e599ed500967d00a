// The clients of one run, made together and driven together over one event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bystander.h"
#include "event_loop.h"
#include "publisher.h"
#include "report.h"
#include "runs.h"
#include "subscriber.h"

namespace bitacora::bench {

class Fleet {
 public:
  explicit Fleet(const LoadSettings& load);

  // Each connects and waits until all that were added are connected (subscribers: subscribed).
  void add_publishers();
  void add_bystanders();  // for so many subscriptions as the settings say
  void add_subscriber(SubscriberSettings settings);
  // Sends DISCONNECT for all subscribers and forgets them.
  void dismiss_subscribers();

  [[nodiscard]] std::vector<std::unique_ptr<Publisher>>& publishers() { return publishers_; }
  [[nodiscard]] std::vector<std::unique_ptr<Subscriber>>& subscribers() { return subscribers_; }
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  [[nodiscard]] std::vector<std::uint64_t> sent_by_publisher() const;
  [[nodiscard]] ClientSettings client_settings(const char* role, std::uint32_t index) const;

  // Publishes what the settings say and waits for the acknowledgements. Fills in what publishing adds to a report.
  [[nodiscard]] Phase publish(Report& report);
  // Runs until `is_complete` or nothing more came for the run's patience. A time-out is entered in `report` unless
  // `is_optional`.
  enum class Completion : std::uint8_t { required, optional };
  void receive(Report& report, const std::function<bool()>& is_complete, Completion completion);
  // Enters the connections that ended early.
  void enter_failures(Report& report) const;

 private:
  // Until `is_complete` (true) or `deadline_ns` (false).
  bool drive(const std::function<bool()>& is_complete, std::int64_t deadline_ns);
  void step(std::int64_t deadline_ns);
  void await_connected(Client& client, const std::function<bool()>& is_ready);
  [[nodiscard]] bool await_acknowledgements();

  LoadSettings load_;
  std::string prefix_;
  EventLoop loop_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<std::unique_ptr<Bystander>> bystanders_;
};

// Starts with the server's and the loader's use of the machine, and says at the end what was used since.
class Meter {
 public:
  explicit Meter(int server_pid);
  void finish(Phase& phase) const;

 private:
  int server_pid_;
  ProcessUse server_before_;
  double loader_before_s_;
};

// The settings that every report repeats.
[[nodiscard]] Report report_of(const char* command, const LoadSettings& load);

}  // namespace bitacora::bench
