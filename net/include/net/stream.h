// The layers of one connection, and what they have for its socket. Plain TCP has none of it: there the pointer to the
// stream is null and bytes go straight through.
//
// What it holds is bounded: nothing of the input beyond an unfinished record, header or control frame, and of the
// output what its owner gave it plus answers, which stop when the owner stops reading while congested().
#pragma once

#include <memory>
#include <vector>

#include "net/layer.h"

namespace bitacora::net {

class Stream {
 public:
  // Lowest first, at least one.
  explicit Stream(std::vector<std::unique_ptr<Layer>> layers);

  // Takes what the socket had; appends what it carries. The state is open once every layer is.
  [[nodiscard]] Layer::State receive(ByteView wire, Bytes& payload);
  // Makes wire bytes of it, to be found in unsent().
  void send(ByteView payload);
  // Takes leave of the peer, once; what is sent after it goes nowhere.
  void finish();

  [[nodiscard]] ByteView unsent() const noexcept { return unsent_; }  // good until the next call
  void consume(std::size_t size);
  // How much more may be given to send() before the socket has taken some; a socket that takes nothing is not read.
  [[nodiscard]] std::size_t room() const noexcept;
  [[nodiscard]] bool congested() const noexcept { return room() == 0; }

  // Layers whose handshake is over, from the lowest.
  [[nodiscard]] std::size_t opened() const noexcept { return opened_; }
  [[nodiscard]] bool stands() const noexcept { return opened_ == layers_.size(); }
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] std::optional<std::string> user() const;

 private:
  static constexpr std::size_t max_unsent = 64 << 10;

  void send_below(std::size_t layer, ByteView bytes);

  std::vector<std::unique_ptr<Layer>> layers_;
  Bytes unsent_;  // owns no memory while all is written
  std::size_t opened_ = 0;
  bool finished_ = false;
};

}  // namespace bitacora::net
