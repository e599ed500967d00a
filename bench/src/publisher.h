// Publishes stamped messages over one connection, at most `window` of them without their last acknowledgement. Closed
// loop: the next one goes as soon as the window has room. Open loop: each has its time, and what the server delays is
// counted from that time, not from when it could at last be sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client.h"
#include "histogram.h"

namespace bitacora::bench {

// When messages are due, over all publishers of a run. Rate 0: closed loop, due when they can be sent.
struct Schedule {
  double rate = 0;  // messages per second, all publishers together
  std::int64_t start_ns = 0;
  std::uint32_t publishers = 1;

  [[nodiscard]] bool is_open_loop() const { return rate > 0; }
  // The publishers take turns.
  [[nodiscard]] std::int64_t due_ns(std::uint32_t publisher, std::uint64_t sequence) const {
    const double turn = static_cast<double>(sequence) * publishers + publisher;
    return start_ns + static_cast<std::int64_t>(turn * 1e9 / rate);
  }
};

struct PublisherSettings {
  ClientSettings client;
  std::uint32_t run = 0;
  std::uint32_t index = 0;
  std::uint8_t qos = 1;
  std::uint16_t window = 20;        // 1 .. 65535; not looked at for QoS 0
  std::size_t payload = 64;         // bytes, at least Stamp::size
  std::vector<std::string> topics;  // taken in turn
  std::uint64_t messages = 0;       // how many to send; UINT64_MAX: until stop()
};

class Publisher : public Client {
 public:
  Publisher(EventLoop& loop, PublisherSettings settings);

  void start(const Schedule& schedule);
  void stop() { settings_.messages = sent_; }
  // Sends what is due. The loop does the rest; to be called when time has passed in an open loop.
  void pump();
  // When the next message is due; INT64_MAX if none is to be sent or the window is full.
  [[nodiscard]] std::int64_t next_due_ns() const;
  // All are sent, and acknowledged as their QoS asks.
  [[nodiscard]] bool is_done() const {
    return started_ && sent_ >= settings_.messages && in_flight_ == 0 && unsent() == 0;
  }

  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }        // with a reason >= 0x80
  [[nodiscard]] std::uint64_t unexpected() const { return unexpected_; }  // acknowledgements of nothing in flight
  [[nodiscard]] std::int64_t last_acknowledged_ns() const { return last_acknowledged_ns_; }
  [[nodiscard]] const Histogram& latency() const { return latency_; }  // due .. last acknowledgement

 private:
  enum class Awaits : std::uint8_t { nothing, puback, pubrec, pubcomp };
  struct Slot {
    std::int64_t due_ns = 0;
    Awaits awaits = Awaits::nothing;
  };

  void on_connack(const Connack& connack) override;
  void on_answer(const Packet& packet) override;
  void on_turn() override { pump(); }
  // QoS 0 has no acknowledgement that would bring on the next turn.
  [[nodiscard]] bool wants_turn() const override {
    return started_ && settings_.qos == 0 && !schedule_.is_open_loop() && sent_ < settings_.messages;
  }
  [[nodiscard]] bool has_room() const;
  void publish(std::int64_t due_ns);
  void finish(std::uint16_t id, std::uint8_t reason);

  PublisherSettings settings_;
  Schedule schedule_;
  bool started_ = false;
  std::string payload_;
  std::vector<Slot> slots_;              // by packet id - 1
  std::vector<std::uint16_t> free_ids_;  // a ring
  std::size_t next_free_ = 0;
  std::uint32_t in_flight_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t unexpected_ = 0;
  std::int64_t last_acknowledged_ns_ = 0;
  Histogram latency_;
};

}  // namespace bitacora::bench
