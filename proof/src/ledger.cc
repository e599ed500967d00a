#include "proof/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/assert.h"

namespace bitacora::proof {
namespace {

// A last line without its newline: its writer died over it. False with errno if the file cannot be cut.
bool drop_cut_line(int descriptor) {
  off_t end = ::lseek(descriptor, 0, SEEK_END);
  if (end < 0) return false;
  const off_t whole = end;
  for (char last = 0; end > 0; --end) {
    if (::pread(descriptor, &last, 1, end - 1) != 1) return false;
    if (last == '\n') break;
  }
  return end == whole || ::ftruncate(descriptor, end) == 0;
}

}  // namespace

Result<LedgerWriter> LedgerWriter::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0 || !drop_cut_line(descriptor)) {
    const std::string reason = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    return Failure<std::string>(path + ": " + reason);
  }
  return LedgerWriter(descriptor);
}

LedgerWriter::LedgerWriter(LedgerWriter&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LedgerWriter::~LedgerWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void LedgerWriter::append(const Fact& fact) {
  const std::string line = format_fact(fact) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    BITACORA_ASSERT(written > 0);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

Result<> read_ledger(const std::string& path, const std::function<void(const Fact&)>& sink) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Failure<std::string>(path + ": " + std::strerror(errno));
  std::string line;
  for (std::uint64_t number = 1; std::getline(file, line); ++number) {
    if (file.eof()) break;  // without its newline: cut off
    const auto fact = parse_fact(line);
    if (!fact) return Failure<std::string>(path + ":" + std::to_string(number) + ": " + fact.error());
    sink(*fact);
  }
  return {};
}

}  // namespace bitacora::proof
