// The two halves of a power-cut rig. Recording: clients load a server whose disk is a block device that writes down all
// it is told, and each time something was acknowledged a mark goes to the same device, behind the file system.
// Checking: of a crash state the last mark says how much of the ledger must hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proof/fact.h"

namespace bitacora::rigs {

struct LoadTerms {
  std::uint16_t port = 0;
  std::string ledger;
  std::string device;             // empty: no marks
  std::uint64_t mark_offset = 0;  // bytes into the device, a multiple of 512
  double seconds = 5;
  bool failing_disk = false;  // clients may be refused and sent away
};
// Returns the exit status.
int load(const LoadTerms& terms);

// Facts of one ledger that were known when the power went: the first `upto` lines. Of the rest only what was published
// is taken in, since it may be there.
struct KnownPart {
  std::string ledger;
  std::uint64_t upto = 0;
};
// Reads the data directory that a server has recovered after such an end. Prints the verdict; returns the exit status.
int check(const std::string& data, const std::vector<KnownPart>& known, proof::End end);

}  // namespace bitacora::rigs
