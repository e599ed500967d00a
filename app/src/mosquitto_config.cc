#include "mosquitto_config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace bitacora::app {
namespace {

using Lines = std::vector<MosquittoLine>;
using Unreadable = tl::unexpected<std::string>;

constexpr int max_include_depth = 10;  // mosquitto's own bound

Result<void, std::string> read_file(const std::string& file, int depth, Lines& lines);

// Files that end in .conf, capital letters first, as the manual has it.
Result<void, std::string> read_directory(const std::string& directory, int depth, Lines& lines) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".conf") files.push_back(entry.path().string());
  }
  if (error) return Unreadable("cannot read the directory " + directory + ": " + error.message());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    if (auto read = read_file(file, depth, lines); !read) return read;
  }
  return {};
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

Result<void, std::string> read_file(const std::string& file, int depth, Lines& lines) {
  if (depth > max_include_depth) return Unreadable(file + ": files include each other too deeply");
  std::ifstream in(file);
  if (!in) return Unreadable("cannot read " + file);
  std::uint32_t number = 0;
  for (std::string text; std::getline(in, text);) {
    ++number;
    const std::string_view line = trim(text);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    lines.push_back({file, number, std::string(line.substr(0, end)), std::string(trim(line.substr(end)))});
    if (lines.back().option != "include_dir") continue;
    const std::string directory = lines.back().value;
    if (auto read = read_directory(directory, depth + 1, lines); !read) return read;
  }
  return {};
}

}  // namespace

Result<std::vector<MosquittoLine>, std::string> read_mosquitto_config(const std::string& file) {
  Lines lines;
  if (auto read = read_file(file, 0, lines); !read) return Unreadable(read.error());
  return lines;
}

}  // namespace bitacora::app
