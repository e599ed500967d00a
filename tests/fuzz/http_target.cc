// A client's bytes to the HTTP door: requests, pieces of them, or neither. Whatever comes, in pieces of whatever size,
// the door says nothing but whole HTTP responses, in the form that they claim, none of them an error of its own; and it
// is done when its client is.
//
//   1 byte   how large the pieces are, of which there are at most 64; then what the client sends before it closes its
//   side
//
// The door's real connection runs over a pair of sockets, on the caller's thread; nothing in it waits for time.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <memory>
#include <string>

#include "connection.h"
#include "door.h"
#include "fuzz/fuzz_target.h"
#include "storage/memory_file_system.h"

namespace bitacora::http {
namespace {

using fuzz::must;

HttpSettings settings_without_waiting() {
  HttpSettings settings;
  settings.max_header_bytes = 1024;  // so that inputs reach the bounds
  settings.max_body_bytes = 2048;
  settings.max_wait = std::chrono::milliseconds(0);
  return settings;
}

// Three logs with a few records, and a committer that runs when it is told.
class Broker {
 public:
  Broker() {
    storage::StoreOptions options;
    options.directory = "data";
    options.preallocate_bytes = 0;
    options.topic_id_seed = 1;
    auto opened = storage::Store::open(*files_, clock, *catalog, options);
    must(opened.has_value(), "a store opens");
    store = std::move(*opened);
    for (const char* name : {"mqtt", "other", "__own"}) {
      storage::LogSettings log;
      log.partitions = 2;
      must(store->create_log(name, log).has_value(), "a log can be made");
    }
    committer = std::make_unique<storage::Committer>(*store, clock, storage::CommitterOptions{});
    committer->add_listener([this](const auto& notice) {
      changed_ = true;
      if (door != nullptr) door->on_commit(*notice);
    });
    for (const char* topic : {"a", "a/b", "plant/1/temp"}) append(topic);
    changed_ = false;
  }

  // Whether it is another one now than it was when it was made.
  [[nodiscard]] bool has_changed() const {
    const auto groups = catalog->groups();
    return changed_ || !groups || !groups->empty();
  }

  VirtualClock clock;
  std::unique_ptr<storage::Catalog> catalog = *storage::Catalog::open(":memory:");
  std::unique_ptr<storage::Store> store;
  bridge::BrokerMetrics metrics;
  std::unique_ptr<storage::Committer> committer;
  Door* door = nullptr;  // the one that hears of commits

 private:
  void append(std::string_view topic) {
    storage::BatchBuilder builder;
    const std::array<storage::HeaderView, 1> headers{{{"mqtt.qos", as_bytes("1")}}};
    builder.add({0, clock.now().wall_ms, as_bytes(topic), as_bytes(R"({"n": 21.5})"), headers});
    must(committer->submit({&store->find_log("mqtt")->partition(0), builder.take(), 0, 0}).has_value(), "it is taken");
    committer->run_once();
  }

  std::unique_ptr<storage::MemoryFileSystem> files_ = storage::make_memory_file_system();
  bool changed_ = false;
};

// The broker that runs begin with: made anew behind one that has changed it.
Broker& pristine_broker() {
  static std::unique_ptr<Broker> broker;
  if (!broker || broker->has_changed()) broker = std::make_unique<Broker>();
  return *broker;
}

class Client {
 public:
  explicit Client(Broker& broker)
      : broker_(broker),
        door_(*broker.store, *broker.committer, *broker.catalog, broker.clock, broker.metrics, settings_,
              std::make_shared<const Admission>(), nullptr) {
    std::array<int, 2> ends{};
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0, "there are sockets");
    socket_ = ends[0];
    asio::ip::tcp::socket door_end(io_);
    door_end.assign(asio::ip::tcp::v4(), ends[1]);
    connection_ = std::make_unique<Connection>(std::move(door_end), door_);
    broker_.door = &door_;
    asio::co_spawn(io_, connection_->run(), [this](const std::exception_ptr& failure) {
      must(failure == nullptr, "a connection ends without an exception");
      ended_ = true;
    });
  }
  ~Client() {
    broker_.door = nullptr;
    ::close(socket_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // What the door says to all that.
  std::string send(ByteView bytes, std::size_t piece_size) {
    while (!bytes.empty()) {
      const ByteView piece = bytes.first(std::min(piece_size, bytes.size()));
      bytes = bytes.subspan(piece.size());
      if (::send(socket_, piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;  // the door has closed
      settle();
    }
    ::shutdown(socket_, SHUT_WR);
    settle();
    door_.close();  // a tail goes on until then
    connection_->close_when_idle();
    settle();
    must(ended_, "a connection is over when its client has said all");
    return std::move(said_);
  }

 private:
  // Until nobody has anything to do.
  void settle() {
    for (bool busy = true; busy;) {
      io_.restart();
      busy = io_.poll() > 0;
      busy = broker_.committer->run_once() > 0 || busy;
      busy = read() || busy;
    }
  }
  bool read() {
    std::array<char, 16 << 10> buffer;
    const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (size > 0) said_.append(buffer.data(), static_cast<std::size_t>(size));
    return size > 0;
  }

  Broker& broker_;
  const HttpSettings settings_ = settings_without_waiting();
  Door door_;
  asio::io_context io_{1};  // below what its coroutines use: they end with it
  std::unique_ptr<Connection> connection_;
  int socket_ = -1;
  std::string said_;
  bool ended_ = false;
};

namespace bhttp = beast::http;

void check_response(const bhttp::response<bhttp::string_body>& response) {
  const unsigned status = response.result_int();
  must(status < 500, "a door whose disk is well has no errors of its own");
  const std::string_view type(response[bhttp::field::content_type]);
  if (type.find("json") == std::string_view::npos) return;
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 80;  // a record's own JSON may be 64 deep
  const boost::json::value body = boost::json::parse(response.body(), error, {}, options);
  if (error) std::fprintf(stderr, "%s in: %s\n", error.message().c_str(), response.body().c_str());
  must(!error, "what is called JSON is JSON");
  if (status < 400) return;
  const boost::json::object* object = body.if_object();
  must(object != nullptr && object->contains("error_code") && object->contains("message"), "a refusal says why");
}

// Takes one response off the front; false where a response has no end of its own but the connection's.
bool take_response(std::string_view& said) {
  bhttp::response_parser<bhttp::string_body> parser;
  parser.eager(true);
  parser.body_limit(std::uint64_t{64} << 20);
  boost::system::error_code error;
  const std::size_t size = parser.put(asio::buffer(said.data(), said.size()), error);
  must(!error || error == bhttp::error::need_more, "what a door says is HTTP");
  said.remove_prefix(size);
  const bool has_end = parser.is_done();
  if (!has_end) {
    parser.put_eof(error);
    must(!error && parser.is_done(), "a response is whole");
  }
  if (parser.get().result() != bhttp::status::continue_) check_response(parser.get());
  return has_end;
}

}  // namespace

FUZZ_TARGET(http) {
  const std::size_t wanted_size = 1 + std::size_t{16} * input.byte();
  const ByteView stream = input.take_rest();
  constexpr std::size_t most_pieces = 64;  // each costs a dozen system calls
  const std::size_t piece_size = std::max(wanted_size, (stream.size() + most_pieces - 1) / most_pieces);
  const std::string said = Client(pristine_broker()).send(stream, piece_size);
  // The answer to HEAD has the length of a body and no body: where one ends only the request tells.
  if (as_text(stream).find("HEAD") != std::string_view::npos) {
    must(said.empty() || said.starts_with("HTTP/1."), "what a door says is HTTP");
    return;
  }
  for (std::string_view rest = said; !rest.empty();) {
    if (!take_response(rest)) break;
  }
}

}  // namespace bitacora::http
