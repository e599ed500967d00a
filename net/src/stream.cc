#include "net/stream.h"

#include <utility>

#include "base/assert.h"

namespace bitacora::net {

Stream::Stream(std::vector<std::unique_ptr<Layer>> layers) : layers_(std::move(layers)) {
  BITACORA_ASSERT(!layers_.empty());
}

Layer::State Stream::receive(ByteView wire, Bytes& payload) {
  Layer::State state = Layer::State::open;
  Bytes below;  // what the layer below gave
  ByteView input = wire;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const bool top = i + 1 == layers_.size();
    Bytes between;
    Bytes answer;
    const Layer::State now = layers_[i]->receive(input, top ? payload : between, i == 0 ? unsent_ : answer);
    if (i > 0) send_below(i, answer);
    // A lower layer may have carried something before it ended: the layers above get to see it.
    if (now != Layer::State::open && state == Layer::State::open) state = now;
    if (now == Layer::State::failed) state = now;
    if (layers_[i]->has_opened() && opened_ == i) ++opened_;
    if (!layers_[i]->has_opened()) break;
    below = std::move(between);
    input = below;
  }
  return state;
}

void Stream::send(ByteView payload) { send_below(layers_.size(), payload); }

// Through the layers below `layer` to the socket.
void Stream::send_below(std::size_t layer, ByteView bytes) {
  if (bytes.empty()) return;
  Bytes above;
  for (std::size_t i = layer; i-- > 1;) {
    Bytes down;
    layers_[i]->send(bytes, down);
    above = std::move(down);
    bytes = above;
  }
  if (layer > 0) layers_[0]->send(bytes, unsent_);
}

void Stream::finish() {
  if (std::exchange(finished_, true)) return;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    Bytes last;
    layers_[i]->finish(i == 0 ? unsent_ : last);
    if (i > 0) send_below(i, last);
  }
}

void Stream::consume(std::size_t size) {
  BITACORA_ASSERT(size <= unsent_.size());
  if (size == unsent_.size()) {
    unsent_ = Bytes();
  } else {
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

std::size_t Stream::room() const noexcept { return unsent_.size() < max_unsent ? max_unsent - unsent_.size() : 0; }

std::string Stream::failure() const {
  for (const auto& layer : layers_) {
    if (!layer->failure().empty()) return layer->failure();
  }
  return {};
}

std::optional<std::string> Stream::user() const {
  for (const auto& layer : layers_) {
    if (layer->user()) return layer->user();
  }
  return std::nullopt;
}

}  // namespace bitacora::net
