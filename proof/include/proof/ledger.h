// Facts in a file: one line of text each, appended and handed to the kernel at once, so that a ledger survives kill -9
// of the rig that writes it (not a power cut: keep it off the disk that loses power). Several processes write a file
// each; a checker reads them all.
//
// A line is a verb and fields with one blank between them. Texts are percent-encoded: '%', blanks, control bytes and
// bytes above 0x7E; an empty text is a lone '%'. Optional places are "-" or `log partition offset`. The verbs and their
// fields are in src/fact_text.cc and docs/checker.md. A last line without its newline was being written when its writer
// died: it is ignored.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proof/fact.h"

namespace bitacora::proof {

template <class T = void>
using Result = bitacora::Result<T, std::string>;  // the error is for a person

[[nodiscard]] std::string format_fact(const Fact& fact);  // without a newline
[[nodiscard]] Result<Fact> parse_fact(std::string_view line);

// Appends to a ledger. Not thread-safe.
class LedgerWriter {
 public:
  [[nodiscard]] static Result<LedgerWriter> open(const std::string& path);  // made, or gone on with
  LedgerWriter(LedgerWriter&& other) noexcept;
  LedgerWriter& operator=(LedgerWriter&&) = delete;
  ~LedgerWriter();

  // A ledger that cannot be written is no evidence: aborts.
  void append(const Fact& fact);

 private:
  explicit LedgerWriter(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Gives `sink` each fact of a file in its order. The error has the path and the number of the line.
[[nodiscard]] Result<> read_ledger(const std::string& path, const std::function<void(const Fact&)>& sink);

}  // namespace bitacora::proof
