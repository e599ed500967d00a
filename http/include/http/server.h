// The HTTP door: the offset API, produce, group offsets, tails as server-sent events, health, metrics. Every route is
// in routes.h and openapi.json. docs/http.md explains it.
//
//   http::Server server(store, committer, catalog, clock, metrics, {.port = 8080});
//   committer.add_listener(server.listener());   // before committer.start()
//   if (auto started = server.start(); !started) die(started.error());
//
// One io_context and one thread of its own. Reads of the log happen on that thread: a slow disk slows this door, no
// other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "bridge/metrics.h"
#include "http/admission.h"
#include "http/settings.h"
#include "identity/authenticator.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/store.h"

namespace bitacora::http {

class Server {
 public:
  // All but the settings and the admission outlive the server. `metrics`: what the broker counts; tails add the records
  // they had to pass over. `authenticator` must be there if names are checked; it answers nobody any more when the
  // server is destroyed.
  Server(storage::Store& store, storage::Committer& committer, storage::Catalog& catalog, const Clock& clock,
         bridge::BrokerMetrics& metrics, HttpSettings settings, Admission admission = {},
         identity::Authenticator* authenticator = nullptr);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // To be added to the committer. Takes from a notice what this door needs, so that a slow door never holds a notice's
  // bytes. May be called until the server is destroyed; does nothing while it is not running.
  [[nodiscard]] storage::CommitListener listener();

  // Listens and starts the thread. The error names the address and the reason. Once only.
  [[nodiscard]] Result<void, std::string> start();
  // Whom to let in from now on, and what they may do: at once, for tails under way too. Any thread, while it runs.
  void change(Admission admission);
  // Takes no more connections, ends tails and long polls, lets requests under way be answered, joins the thread. May be
  // called twice. The committer must still run, or produce requests end unanswered after drain_timeout.
  void stop();

  [[nodiscard]] std::uint16_t port() const noexcept;  // the one that is listened on; 0 before start()

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::http
