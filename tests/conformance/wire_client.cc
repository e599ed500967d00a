#include "conformance/wire_client.h"

#include <utility>

namespace bitacora::conformance {

mqtt::Connect WireClient::hello() const {
  mqtt::Connect packet;
  packet.version = version_;
  packet.client_id = client_id_;
  packet.keep_alive = 60;
  return packet;
}

mqtt::Connect WireClient::hello_again(std::uint32_t expiry_s) const {
  mqtt::Connect packet = hello();
  packet.clean_start = mqtt::CleanStart::no;
  if (version_ == V::v5) packet.properties.session_expiry_interval = expiry_s;
  return packet;
}

void WireClient::open() {
  drop();
  unread_.clear();
  connection_ = world_.open(*this, client_id_);
}

void WireClient::drop() {
  if (!connection_) return;
  world_.hang_up(*std::exchange(connection_, std::nullopt));
}

Lines WireClient::connect(const mqtt::Connect& packet) {
  open();
  return says(packet);
}

Lines WireClient::says_bytes(ByteView bytes) {
  if (connection_ && !bytes.empty()) world_.send(*connection_, bytes);
  world_.run();
  return std::exchange(heard_, {});
}

void WireClient::on_bytes(ByteView bytes) {
  append(unread_, bytes);
  ByteView rest = unread_;
  while (true) {
    const auto frame = mqtt::decode_frame(rest);
    if (!frame || !*frame || (*frame)->size() > rest.size()) {
      if (!frame) heard_.push_back("? " + to_hex(rest));
      break;
    }
    const ByteView bytes_of_packet = rest.first((*frame)->size());
    rest = rest.subspan((*frame)->size());
    packets_.emplace_back(bytes_of_packet.begin(), bytes_of_packet.end());
    const auto packet = mqtt::decode(packets_.back(), version_);
    if (!packet) {
      heard_.push_back("? " + to_hex(bytes_of_packet));
      continue;
    }
    heard_.push_back(mqtt::format(*packet));
    if (const auto* message = std::get_if<mqtt::Publish>(&*packet)) {
      heard_.back() += " '" + std::string(as_text(message->payload)) + "'";
    }
  }
  unread_ = Bytes(rest.begin(), rest.end());
}

void WireClient::on_closed() {
  connection_.reset();
  heard_.emplace_back("closed");
}

sim::WorldOptions plain_world() {
  sim::WorldOptions options;
  options.broker.receipts = bridge::Receipts::off;
  return options;
}

}  // namespace bitacora::conformance
