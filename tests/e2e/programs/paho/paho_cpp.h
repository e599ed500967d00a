// What Paho C++'s two clients share: options and messages, in the library's own types.
#pragma once

#include <mqtt/connect_options.h>
#include <mqtt/message.h>

#include <stdexcept>

#include "client.h"
#include "property_list.h"

namespace bitacora::e2e {

inline mqtt::message_ptr to_paho(const Message& message) {
  mqtt::properties properties;
  for (const auto& [name, value] : message.user_properties) {
    properties.add({mqtt::property::USER_PROPERTY, name, value});
  }
  return mqtt::message::create(message.topic, message.payload.data(), message.payload.size(), message.qos,
                               message.retained == Retained::yes, properties);
}

inline Message from_paho(const mqtt::const_message_ptr& in) {
  if (!in) throw std::runtime_error("nothing came");
  return {.topic = in->get_topic(),
          .payload = in->to_string(),
          .qos = in->get_qos(),
          .retained = in->is_retained() ? Retained::yes : Retained::no,
          .user_properties = user_properties_of(in->get_properties().c_struct())};
}

inline mqtt::connect_options connect_options_of(const Peer& peer, Session session, const std::optional<Message>& will) {
  mqtt::connect_options options;
  options.set_mqtt_version(static_cast<int>(peer.version));
  if (peer.version == Version::v5) {
    options.set_clean_start(session == Session::clean);
    if (session == Session::kept) {
      options.set_properties({{mqtt::property::SESSION_EXPIRY_INTERVAL, Client::kept_session_s}});
    }
  } else {
    options.set_clean_session(session == Session::clean);
  }
  if (will) options.set_will_message(to_paho(*will));
  if (!peer.trust_store.empty()) {
    mqtt::ssl_options tls;
    tls.set_trust_store(peer.trust_store);
    options.set_ssl(tls);
  }
  return options;
}

}  // namespace bitacora::e2e
