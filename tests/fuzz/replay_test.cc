// Every target over its corpus, and over seeded mutants of it: what continuous fuzzing found stays found, without a
// fuzzer. BITACORA_FUZZ_ROUNDS mutants of each (2000), from BITACORA_FUZZ_SEED (1).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "fuzz/fuzz_target.h"

namespace bitacora::fuzz {
namespace {

std::uint64_t number_of_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

std::vector<Bytes> corpus_of(std::string_view target) {
  std::vector<std::filesystem::path> paths;
  const auto directory = std::filesystem::path(BITACORA_SOURCE_DIR) / "tests/fuzz/corpus" / target;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> inputs;
  for (const auto& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const ByteView bytes = as_bytes(text);
    inputs.emplace_back(bytes.begin(), bytes.end());
  }
  return inputs;
}

class Mutator {
 public:
  Mutator(std::vector<Bytes> corpus, std::uint64_t seed) : corpus_(std::move(corpus)), random_(seed) {}

  Bytes next() {
    Bytes input = any();
    for (std::size_t deeds = 1 + below(4); deeds > 0; --deeds) change(input);
    return input;
  }

 private:
  void change(Bytes& input) {
    const std::size_t at = below(input.size() + 1);
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(5)) {
      case 0:
        if (at < input.size()) input[at] ^= std::byte(1U << below(8));
        break;
      case 1:
        if (at < input.size()) input[at] = std::byte(random_());
        break;
      case 2: input.insert(place, std::byte(random_())); break;
      case 3: input.erase(place, std::min(input.end(), place + static_cast<std::ptrdiff_t>(below(16)))); break;
      default: {
        const Bytes& other = any();
        const std::size_t from = below(other.size() + 1);
        const ByteView piece = ByteView(other).subspan(from, below(other.size() - from + 1));
        input.insert(place, piece.begin(), piece.end());
      }
    }
  }
  const Bytes& any() { return corpus_[below(corpus_.size())]; }
  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::vector<Bytes> corpus_;
  std::mt19937_64 random_;
};

class Fuzz : public testing::TestWithParam<FuzzTarget> {};

TEST_P(Fuzz, HoldsOverItsCorpusAndMutantsOfIt) {
  const std::vector<Bytes> corpus = corpus_of(GetParam().name);
  ASSERT_FALSE(corpus.empty());
  for (const Bytes& input : corpus) GetParam().run(FuzzInput(input));
  const std::uint64_t seed = number_of_environment("BITACORA_FUZZ_SEED", 1);
  RecordProperty("seed", std::to_string(seed));
  Mutator mutator(corpus, seed);
  for (std::uint64_t left = number_of_environment("BITACORA_FUZZ_ROUNDS", 2000); left > 0; --left) {
    const Bytes input = mutator.next();
    GetParam().run(FuzzInput(input));
  }
}

INSTANTIATE_TEST_SUITE_P(, Fuzz, testing::ValuesIn(fuzz_targets()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace bitacora::fuzz
