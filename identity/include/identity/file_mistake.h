// What is wrong with a line of a file that people write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitacora::identity {

struct FileMistake {
  std::uint32_t line = 0;  // from 1
  std::string message;     // what, and what to write instead
  friend bool operator==(const FileMistake&, const FileMistake&) = default;
};
using FileMistakes = std::vector<FileMistake>;  // never empty as an error

}  // namespace bitacora::identity
