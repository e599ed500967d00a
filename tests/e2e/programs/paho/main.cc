// The scenario that each Paho library runs through against a server:
//
//   paho_<library> <uri> 3.1|3.1.1|5.0 [<file with the certificate authority>]
//
// Prints a line for each step that went well and ends with 0; says what was wrong and ends with 1 otherwise.
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "client.h"

namespace bitacora::e2e {
namespace {

std::string format(const Message& message) {
  std::string text = message.topic + " qos " + std::to_string(message.qos) +
                     (message.retained == Retained::yes ? " retained " : " ") + "'" + message.payload + "'";
  for (const auto& [name, value] : message.user_properties) text.append(" ").append(name).append("=").append(value);
  return text;
}

void expect(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void expect_next(Client& client, const Message& expected) {
  const Message got = client.receive();
  expect(got == expected, "got " + format(got) + "\nwhere " + format(expected) + " was expected");
}

class Scenario {
 public:
  explicit Scenario(Peer peer) : peer_(std::move(peer)), version_("/" + std::to_string(int(peer_.version))) {}

  void messages_of_each_qos_arrive_in_order() const {
    constexpr int message_count = 20;  // Paho leaves Nagle on: up to 40 ms an exchange
    const auto reader = client("reader");
    const auto writer = client("writer");
    reader->connect(Session::clean);
    writer->connect(Session::clean);
    for (int qos = 0; qos <= 2; ++qos) {
      const std::string topic = "order" + version_ + "/" + std::to_string(qos);
      reader->subscribe(topic, qos);
      for (int i = 0; i < message_count; ++i)
        writer->publish({.topic = topic, .payload = std::to_string(i), .qos = qos});
      for (int i = 0; i < message_count; ++i) {
        expect_next(*reader, {.topic = topic, .payload = std::to_string(i), .qos = qos});
      }
    }
    reader->disconnect();
    writer->disconnect();
  }

  void a_large_payload_of_every_byte_arrives_whole() const {
    std::string payload(300'000, '\0');
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i % 251);
    const auto both = client("large");
    both->connect(Session::clean);
    both->subscribe("large" + version_, 1);
    const Message message{.topic = "large" + version_, .payload = payload, .qos = 1};
    both->publish(message);
    expect(both->receive() == message, "the large payload came back changed");
    both->disconnect();
  }

  void a_retained_message_waits_for_who_subscribes_later_until_it_is_removed() const {
    const std::string topic = "state" + version_;
    const auto writer = client("retainer");
    writer->connect(Session::clean);
    writer->publish({.topic = topic, .payload = "old", .qos = 1, .retained = Retained::yes});
    writer->publish({.topic = topic, .payload = "new", .qos = 1, .retained = Retained::yes});
    const auto reader = client("later");
    reader->connect(Session::clean);
    reader->subscribe(topic, 1);
    expect_next(*reader, {.topic = topic, .payload = "new", .qos = 1, .retained = Retained::yes});
    writer->publish({.topic = topic, .payload = "", .qos = 1, .retained = Retained::yes});
    expect_next(*reader, {.topic = topic, .payload = "", .qos = 1});
    reader->subscribe(topic, 1);  // again: the retained message would come again
    writer->publish({.topic = topic, .payload = "end", .qos = 1});
    expect_next(*reader, {.topic = topic, .payload = "end", .qos = 1});
    reader->disconnect();
    writer->disconnect();
  }

  void a_kept_session_gets_what_it_missed() const {
    constexpr int message_count = 20;
    // First QoS 1, then QoS 2: Paho shows a message of QoS 2 at its PUBREL, behind one of QoS 1 that came later.
    const auto qos_of = [](int i) { return i < message_count / 2 ? 1 : 2; };
    const std::string topic = "kept" + version_;
    const auto first = client("keeper");
    if (!first->can_keep_session()) {
      std::cout << "left out: the library cannot keep a session\n";
      return;
    }
    first->connect(Session::kept);
    first->subscribe(topic, 2);
    first->disconnect();
    const auto writer = client("writer");
    writer->connect(Session::clean);
    for (int i = 0; i < message_count; ++i)
      writer->publish({.topic = topic, .payload = std::to_string(i), .qos = qos_of(i)});
    writer->disconnect();
    const auto second = client("keeper");
    const auto is_present = second->connect(Session::kept);
    const bool can_say = is_present && peer_.version != Version::v3_1;  // 3.1 has no such flag
    expect(!can_say || *is_present, "the server says that it has no session");
    for (int i = 0; i < message_count; ++i) {
      expect_next(*second, {.topic = topic, .payload = std::to_string(i), .qos = qos_of(i)});
    }
    second->disconnect();
    const auto last = client("keeper");
    last->connect(Session::clean);  // ends the session
    last->disconnect();
  }

  void a_will_is_published_when_another_takes_the_client_id() const {
    const std::string topic = "will" + version_;
    const auto heir = client("heir");
    heir->connect(Session::clean);
    heir->subscribe(topic, 1);
    const auto first = client("contested");
    const Message will{.topic = topic, .payload = "gone", .qos = 1};
    first->connect(Session::clean, will);
    const auto second = client("contested");
    second->connect(Session::clean);
    expect_next(*heir, will);
    second->disconnect();
    heir->disconnect();
  }

  void user_properties_arrive_in_their_order() const {
    if (peer_.version != Version::v5) return;
    const auto both = client("properties");
    both->connect(Session::clean);
    both->subscribe("properties", 1);
    const Message message{.topic = "properties",
                          .payload = "x",
                          .qos = 1,
                          .user_properties = {{"unit", "C"}, {"unit", "F"}, {"site", "north"}}};
    both->publish(message);
    expect_next(*both, message);
    both->disconnect();
  }

 private:
  [[nodiscard]] std::unique_ptr<Client> client(const std::string& name) const {
    return make_client(peer_, name + version_.substr(1));
  }

  Peer peer_;
  std::string version_;
};

Version version_of(std::string_view text) {
  if (text == "3.1") return Version::v3_1;
  if (text == "3.1.1") return Version::v3_1_1;
  if (text == "5.0") return Version::v5;
  throw std::runtime_error("the version is 3.1, 3.1.1 or 5.0");
}

void run(const Peer& peer) {
  const Scenario scenario(peer);
  const std::pair<const char*, void (Scenario::*)() const> steps[] = {
      {"messages of each QoS arrive in order", &Scenario::messages_of_each_qos_arrive_in_order},
      {"a large payload arrives whole", &Scenario::a_large_payload_of_every_byte_arrives_whole},
      {"a retained message waits", &Scenario::a_retained_message_waits_for_who_subscribes_later_until_it_is_removed},
      {"a kept session gets what it missed", &Scenario::a_kept_session_gets_what_it_missed},
      {"a will is published", &Scenario::a_will_is_published_when_another_takes_the_client_id},
      {"user properties arrive in their order", &Scenario::user_properties_arrive_in_their_order},
  };
  for (const auto& [name, step] : steps) {
    try {
      (scenario.*step)();
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string(name) + ": " + error.what());
    }
    std::cout << "ok: " << name << std::endl;
  }
}

}  // namespace
}  // namespace bitacora::e2e

int main(int argc, char** argv) {
  using namespace bitacora::e2e;
  if (argc < 3) {
    std::cerr << "usage: " << argv[0] << " <uri> 3.1|3.1.1|5.0 [<certificate authority>]\n";
    return 2;
  }
  try {
    run({.uri = argv[1], .version = version_of(argv[2]), .trust_store = argc > 3 ? argv[3] : ""});
    return 0;
  } catch (const std::exception& error) {
    std::cout << "failed: " << error.what() << std::endl;
    return 1;
  }
}
