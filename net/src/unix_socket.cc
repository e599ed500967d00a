#include "unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

namespace bitacora::net {
namespace {

using Failed = Failure<std::string>;

Failed refusal(const std::string& path, const std::string& why) {
  return Failed("cannot listen on unix:" + path + ": " + why);
}

std::string message_of(int error) { return std::generic_category().message(error); }

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;  // with the NUL behind it
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

const sockaddr* raw(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

Descriptor new_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

// Only a refused connection proves that nobody listens there.
bool is_abandoned(const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(address.sun_path, &found) != 0 || !S_ISSOCK(found.st_mode)) return false;
  const Descriptor probe = new_socket();
  return ::connect(probe.number(), raw(address), sizeof address) != 0 && errno == ECONNREFUSED;
}

}  // namespace

SocketFile::SocketFile(std::string path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return;
  path_ = std::move(path);
  device_ = found.st_dev;
  inode_ = found.st_ino;
}

SocketFile::~SocketFile() {
  if (path_.empty()) return;
  struct stat found {};
  if (::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
    (void)::unlink(path_.c_str());
  }
}

Result<ListeningUnixSocket, std::string> listen_on_path(const std::string& path, std::uint32_t mode) {
  const auto address = address_of(path);
  if (!address) {
    return refusal(path, "the path must have from 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                             " bytes; use a shorter one");
  }
  Descriptor socket = new_socket();
  if (!socket.is_open()) return refusal(path, message_of(errno));
  int bound = ::bind(socket.number(), raw(*address), sizeof *address);
  if (bound != 0 && errno == EADDRINUSE) {
    if (!is_abandoned(*address)) {
      return refusal(
          path,
          "something is there: perhaps another bitacora that listens, or a file that is no socket. Stop that "
          "one, or remove the file, or use another path");
    }
    (void)::unlink(path.c_str());
    bound = ::bind(socket.number(), raw(*address), sizeof *address);
  }
  if (bound != 0) return refusal(path, message_of(errno) + "; its directory must exist and be writable");
  SocketFile file(path);
  if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) return refusal(path, message_of(errno));
  if (::listen(socket.number(), SOMAXCONN) != 0) return refusal(path, message_of(errno));
  return ListeningUnixSocket{std::move(socket), std::move(file)};
}

}  // namespace bitacora::net
