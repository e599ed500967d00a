// What the handlers share: the offset service, the clock, the settings, who is let in, and the ways to wait. Lives on
// the door's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "bridge/metrics.h"
#include "bridge/offset_service.h"
#include "http/admission.h"
#include "http/server.h"
#include "identity/authenticator.h"

namespace bitacora::http {

namespace asio = boost::asio;

// Something that one coroutine waits for and another brings about.
class Event {
 public:
  explicit Event(const asio::any_io_executor& executor) : timer_(executor) {}
  void happen() {
    happened_ = true;
    timer_.cancel();
  }
  [[nodiscard]] bool happened() const noexcept { return happened_; }
  // Until it happens (at once if it has) or the time is over.
  [[nodiscard]] asio::awaitable<void> wait(std::chrono::milliseconds timeout);

 private:
  asio::steady_timer timer_;
  bool happened_ = false;
};

class Door {
 public:
  Door(storage::Store& store, storage::Committer& its_committer, storage::Catalog& catalog, const Clock& clock,
       bridge::BrokerMetrics& its_metrics, const HttpSettings& its_settings, std::shared_ptr<const Admission> admission,
       identity::Authenticator* its_authenticator)
      : service(store, its_committer, catalog, its_settings.origin),
        committer(its_committer),
        metrics(its_metrics),
        settings(its_settings),
        authenticator(its_authenticator),
        clock_(clock),
        admission_(std::move(admission)) {}

  bridge::OffsetService service;
  storage::Committer& committer;
  bridge::BrokerMetrics& metrics;
  const HttpSettings& settings;
  identity::Authenticator* const authenticator;  // there if names are checked

  [[nodiscard]] Timestamp now_ms() const { return clock_.now().wall_ms; }
  [[nodiscard]] const std::shared_ptr<const Admission>& admission() const noexcept { return admission_; }
  // Who waits is woken: it may be somebody who is not let in any more.
  void change(std::shared_ptr<const Admission> admission);

  // Until a record at or behind one of the positions is committed, a partition is added, rights have changed, or the
  // door closes: true.
  // false: the time is over.
  asio::awaitable<bool> wait(std::span<const bridge::PartitionPosition> positions, std::chrono::milliseconds timeout);
  // Until the records are durable. nullopt: the time is over, and whether they will be is not known.
  [[nodiscard]] asio::awaitable<std::optional<bridge::Produced>> await_produced(bridge::ProduceId id,
                                                                                std::chrono::milliseconds timeout);

  void on_commit(const storage::CommitNotice& notice);
  // From now on nobody waits for records.
  void close();
  [[nodiscard]] bool closing() const noexcept { return closing_; }

 private:
  void collect();
  void wake_all();

  const Clock& clock_;
  std::shared_ptr<const Admission> admission_;
  bool closing_ = false;
  std::unordered_map<bridge::WaiterId, Event*> waiting_;
  std::unordered_map<bridge::ProduceId, Event*> producing_;
  std::unordered_map<bridge::ProduceId, bridge::Produced> produced_;
};

}  // namespace bitacora::http
