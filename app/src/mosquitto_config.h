// mosquitto.conf as lines: what mosquitto 2.0 reads, in the order in which it reads it, files of include_dir in their
// place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace bitacora::app {

struct MosquittoLine {
  std::string file;
  std::uint32_t line = 0;  // from 1
  std::string option;
  std::string value;  // empty if the line has none

  [[nodiscard]] std::string where() const { return file + ":" + std::to_string(line); }
};

// Comments and empty lines are left out; lines with include_dir are not, they stand before what they include. The error
// says which file or directory cannot be read.
[[nodiscard]] Result<std::vector<MosquittoLine>, std::string> read_mosquitto_config(const std::string& file);

}  // namespace bitacora::app
