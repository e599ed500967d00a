#include "http_get.h"

#include <fmt/format.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <charconv>
#include <stdexcept>

namespace bitacora::bench {
namespace {

constexpr std::size_t read_size = 256 << 10;

// The number behind "\r\n<name>: " in a header; -1: it is not there.
std::int64_t number_of(const std::string& header, std::string_view name) {
  for (std::size_t at = header.find("\r\n"); at != std::string::npos; at = header.find("\r\n", at + 2)) {
    const char* line = header.data() + at + 2;
    if (strncasecmp(line, name.data(), name.size()) != 0 || line[name.size()] != ':') continue;
    const char* digits = line + name.size() + 1;
    while (*digits == ' ') ++digits;
    std::int64_t number = -1;
    std::from_chars(digits, header.data() + header.size(), number);
    return number;
  }
  return -1;
}

}  // namespace

HttpGet::HttpGet(Address address) : address_(std::move(address)), socket_(connect_to(address_)) {}

const HttpAnswer& HttpGet::get(const std::string& target) {
  const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
  if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    throw std::runtime_error("the HTTP connection broke");
  }
  const std::string header = read_header();
  constexpr std::size_t status_at = 9;  // "HTTP/1.1 "
  if (header.size() < status_at + 3) throw std::runtime_error("no HTTP answer");
  answer_.status = static_cast<unsigned>(std::stoul(header.substr(status_at, 3)));
  answer_.next_offset = number_of(header, "X-Next-Offset");
  answer_.committed_offset = number_of(header, "X-Committed-Offset");
  const std::int64_t length = number_of(header, "Content-Length");
  if (length < 0) throw std::runtime_error("an HTTP answer without Content-Length");
  answer_.body.swap(input_);  // what came with the header
  input_.clear();
  std::size_t have = answer_.body.size();
  const auto size = static_cast<std::size_t>(length);
  answer_.body.resize(size);
  while (have < size) {
    const ssize_t count = ::read(socket_.get(), answer_.body.data() + have, size - have);
    if (count <= 0) throw std::runtime_error("the HTTP connection ended inside an answer");
    have += static_cast<std::size_t>(count);
  }
  return answer_;
}

std::string HttpGet::read_header() {
  std::size_t end = std::string::npos;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) read_more();
  std::string header = input_.substr(0, end + 2);
  input_.erase(0, end + 4);
  return header;
}

void HttpGet::read_more() {
  const std::size_t before = input_.size();
  input_.resize(before + read_size);
  const ssize_t count = ::read(socket_.get(), input_.data() + before, read_size);
  if (count <= 0) throw std::runtime_error("the HTTP connection ended");
  input_.resize(before + static_cast<std::size_t>(count));
}

std::string encode_query_value(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace bitacora::bench
