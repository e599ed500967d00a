// A subscriber on libmosquitto with a persistent session: what is published while it is away is waiting when it comes
// back, even if the server was killed meanwhile.
//
//   mosquitto_subscriber [host [port [filter [count]]]]      ends after `count` messages; 0: as soon as it is
//   subscribed
//
// Run it once with count 0 so that the server knows the session, publish something, kill the server, start it, run it
// again.
#include <mosquitto.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

struct Subscriber {
  std::string filter;
  int wanted = 0;  // messages; 0: only subscribe
  int received = 0;
  int status = 0;
};

void on_connect(mosquitto* client, void* context, int code, int flags) {
  auto& subscriber = *static_cast<Subscriber*>(context);
  if (code != 0) {
    std::fprintf(stderr, "the server refused the connection: %s\n", mosquitto_connack_string(code));
    subscriber.status = 1;
    mosquitto_disconnect(client);
    return;
  }
  const bool session_present = (flags & 1) != 0;
  std::printf(session_present ? "the server has kept the session\n" : "a new session\n");
  // Subscribing again to what the session already has would do no harm, but it is not needed.
  if (session_present && subscriber.wanted > 0) return;
  mosquitto_subscribe(client, nullptr, subscriber.filter.c_str(), 1);
}

void on_subscribe(mosquitto* client, void* context, int, int, const int*) {
  if (static_cast<Subscriber*>(context)->wanted == 0) mosquitto_disconnect(client);
}

// libmosquitto sends the PUBACK when this returns; not before.
void on_message(mosquitto* client, void* context, const mosquitto_message* message) {
  auto& subscriber = *static_cast<Subscriber*>(context);
  std::printf("%s: %.*s\n", message->topic, message->payloadlen, static_cast<const char*>(message->payload));
  if (++subscriber.received == subscriber.wanted) mosquitto_disconnect(client);
}

}  // namespace

int main(int argc, char** argv) {
  const char* const host = argc > 1 ? argv[1] : "127.0.0.1";
  const int port = argc > 2 ? std::atoi(argv[2]) : 1883;
  Subscriber subscriber{argc > 3 ? argv[3] : "#", argc > 4 ? std::atoi(argv[4]) : 10};

  mosquitto_lib_init();
  // A fixed client id and clean session = false: that is all a persistent session takes.
  mosquitto* const client = mosquitto_new("example-subscriber", false, &subscriber);
  mosquitto_connect_with_flags_callback_set(client, on_connect);
  mosquitto_subscribe_callback_set(client, on_subscribe);
  mosquitto_message_callback_set(client, on_message);

  const int error = mosquitto_connect(client, host, port, 60);
  if (error != MOSQ_ERR_SUCCESS) {
    std::fprintf(stderr, "cannot connect to %s:%d: %s\n", host, port, mosquitto_strerror(error));
    subscriber.status = 1;
  } else {
    mosquitto_loop_forever(client, -1, 1);  // until on_message, on_subscribe or on_connect disconnects
  }
  mosquitto_destroy(client);
  mosquitto_lib_cleanup();
  return subscriber.status;
}
