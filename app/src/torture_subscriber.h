// Those who read over MQTT while the server is killed under them: a persistent session, a member of a group, a replay
// of one partition, somebody who asks for the retained messages.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proof/fact.h"
#include "torture_connection.h"
#include "torture_publisher.h"

namespace bitacora::app::torture {

// What one reader has had, by publisher and sequence; the members of a group share one.
struct Seen {
  bool is_subscribed = false;  // the ledger was told
  std::map<std::string, std::vector<bool>> by_publisher{};

  void enter(const proof::Content& content);
  // How many of these messages it has not had.
  [[nodiscard]] std::uint64_t missing(const std::string& publisher, const std::vector<bool>& acknowledged) const;
};

struct SubscriberTerms {
  ConnectionTerms connection{};
  std::string name{};    // in the ledger: the client, or the group
  std::string filter{};  // as it is subscribed to
  std::string prefix{};  // of the topics it matches
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  proof::Order order = proof::Order::kept;
  bool is_group = false;  // its acknowledgements move a position that is looked at
};

// Keeps its session; acknowledges everything at once.
class Subscriber final : public Connection {
 public:
  Subscriber(SubscriberTerms terms, std::shared_ptr<Seen> seen, Tell tell);

  [[nodiscard]] bool is_subscribed() const noexcept { return subscribed_; }
  [[nodiscard]] const Seen& seen() const { return *seen_; }
  [[nodiscard]] const std::string& name() const { return terms_.name; }
  [[nodiscard]] const std::string& prefix() const { return terms_.prefix; }

 private:
  void on_connack(mqtt::SessionPresent session) override;
  void on_packet(const mqtt::Packet& packet) override;
  void on_publish(const mqtt::Publish& publish);

  SubscriberTerms terms_;
  std::shared_ptr<Seen> seen_;
  Tell tell_;
  bool subscribed_ = false;
};

// Reads [begin, end) of one partition by `$log/...` and tells it as one reading.
class Replay final : public Connection {
 public:
  struct Part {
    std::string log{};
    std::int32_t partition = 0;
    proof::Offset begin = 0;  // the log start offset
    proof::Offset end = 0;    // the committed offset, of a partition without gaps
  };
  Replay(std::string client_id, Part part, std::uint32_t reading, Tell tell);

  [[nodiscard]] bool is_done() const { return next_ >= part_.end; }

 private:
  void on_connack(mqtt::SessionPresent session) override;
  void on_packet(const mqtt::Packet& packet) override;

  Part part_;
  std::uint32_t reading_;
  Tell tell_;
  proof::Offset next_;
};

// Subscribes afresh and tells of what it is given as retained.
class RetainedReader final : public Connection {
 public:
  RetainedReader(std::string client_id, std::string filter, std::vector<std::string> expected, Tell tell);

  [[nodiscard]] bool is_done() const { return missing_.empty(); }
  // What did not come was not there.
  void give_up();

 private:
  void on_connack(mqtt::SessionPresent session) override;
  void on_packet(const mqtt::Packet& packet) override;

  std::string filter_;
  std::vector<std::string> missing_;
  Tell tell_;
};

}  // namespace bitacora::app::torture
