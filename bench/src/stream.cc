#include "stream.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace bitacora::bench {

Stream::Stream(EventLoop& loop, Descriptor socket) : loop_(loop), socket_(std::move(socket)) {
  loop_.add(socket_.get(), *this);
}

Stream::~Stream() { close(); }

void Stream::close() {
  if (!socket_.is_open()) return;
  loop_.remove(socket_.get());
  socket_.reset();
}

void Stream::lose(std::string_view why) {
  close();
  on_lost(why);
}

void Stream::flush() {
  while (is_open() && unsent() > 0) {
    const ssize_t size = ::send(socket_.get(), output_.data() + sent_, unsent(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      return lose(std::strerror(errno));
    }
    sent_ += static_cast<std::size_t>(size);
  }
  if (unsent() == 0) {
    output_.clear();
    sent_ = 0;
  }
  const auto wanted = unsent() > 0 || wants_turn() ? EventLoop::Interest::read_and_write : EventLoop::Interest::read;
  if (is_open() && wanted != interest_) {
    interest_ = wanted;
    loop_.change(socket_.get(), *this, wanted);
  }
}

void Stream::on_writable() {
  flush();
  if (!is_open()) return;
  on_turn();
  flush();
}

void Stream::on_readable() {
  if (!is_open()) return;
  std::vector<char>& scratch = loop_.scratch();
  const ssize_t size = ::recv(socket_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (size == 0) return lose("the other end closed the connection");
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return lose(std::strerror(errno));
  }
  read_at_ = now_ns();
  try {
    handle({scratch.data(), static_cast<std::size_t>(size)});
  } catch (const ProtocolError& error) {
    return lose(error.what());
  }
  if (!is_open()) return;
  on_turn();
  flush();
}

void Stream::handle(std::string_view read) {
  std::string_view rest = read;
  if (!input_.empty()) {
    input_.append(read);
    rest = input_;
  }
  while (is_open()) {
    const auto packet = take_packet(rest);
    if (!packet) break;
    on_packet(*packet);
  }
  if (input_.empty()) {
    input_.assign(rest);
  } else {
    input_.erase(0, input_.size() - rest.size());
  }
}

}  // namespace bitacora::bench
