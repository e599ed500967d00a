// A non-blocking TCP stream of MQTT packets: what comes in is cut into packets, what goes out is gathered and written
// when the input of one read has been dealt with. Clients and the null server's peers are both made of it.
#pragma once

#include <string>
#include <string_view>

#include "event_loop.h"
#include "wire.h"

namespace bitacora::bench {

class Stream : public Source {
 public:
  // `loop` outlives the stream.
  Stream(EventLoop& loop, Descriptor socket);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  [[nodiscard]] std::size_t unsent() const { return output_.size() - sent_; }  // bytes
  // Writes what the socket takes; the rest goes when it can.
  void flush();
  void close();

 protected:
  // Packets to be sent are appended here; nothing is written before flush().
  [[nodiscard]] std::string& output() { return output_; }
  // When the bytes of the packets now handled came in; ns.
  [[nodiscard]] std::int64_t read_at() const { return read_at_; }

  virtual void on_packet(const Packet& packet) = 0;
  // All packets of one read are handled, or more can be sent: a chance to append to output() before it is flushed.
  virtual void on_turn() {}
  // Whether on_turn() would append more as soon as the socket takes it.
  [[nodiscard]] virtual bool wants_turn() const { return false; }
  // The peer went away or the stream broke; not called for close().
  virtual void on_lost(std::string_view why) = 0;

 private:
  void on_readable() final;
  void on_writable() final;
  void handle(std::string_view input);
  void lose(std::string_view why);

  EventLoop& loop_;
  Descriptor socket_;
  std::string input_;  // the packet that is not all there yet
  std::string output_;
  std::size_t sent_ = 0;  // bytes at the front of output_
  std::int64_t read_at_ = 0;
  EventLoop::Interest interest_ = EventLoop::Interest::read;
};

}  // namespace bitacora::bench
