// Listening on a path of the file system.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"
#include "descriptor.h"

namespace bitacora::net {

// The name of a listening socket in the file system: removed with this object, if it is still the same socket's.
class SocketFile {
 public:
  SocketFile() noexcept = default;
  explicit SocketFile(std::string path);  // that exists
  SocketFile(SocketFile&& other) noexcept { swap(other); }
  SocketFile& operator=(SocketFile&& other) noexcept {
    swap(other);
    return *this;
  }
  ~SocketFile();

 private:
  void swap(SocketFile& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
  }

  std::string path_;  // empty: nothing to remove
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

struct ListeningUnixSocket {
  Descriptor socket;
  SocketFile file;
};

// A file that is left of a server which is no more makes room; one where somebody listens, or which is no socket, does
// not. Nobody can connect before the mode is set. The error is for a person.
[[nodiscard]] Result<ListeningUnixSocket, std::string> listen_on_path(const std::string& path, std::uint32_t mode);

}  // namespace bitacora::net
