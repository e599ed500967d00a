// What a process can tell about the disk under a directory: how long a sync takes, and whether that is too good to be
// true. It cannot tell what the device keeps when the power goes; only a power cut can.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "data_mount.h"

namespace bitacora::app::torture {

struct DiskFindings {
  std::uint32_t sync_p50_us = 0;  // append of 4 KiB and fdatasync
  std::uint32_t sync_p99_us = 0;
  DataMount mount{};
  std::string device{};       // "sda"; empty if it is not a block device of this machine
  std::string write_cache{};  // as the kernel believes it: "write back", "write through"; empty: not known
  bool rotates = false;
};

[[nodiscard]] Result<DiskFindings, std::string> examine_disk(const std::string& directory);

// For a person: what was seen, what follows from it, and what does not.
[[nodiscard]] std::vector<std::string> explain(const DiskFindings& disk);

}  // namespace bitacora::app::torture
