// I7 and D3: the committed positions of groups.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "places.h"
#include "subscribers.h"

namespace bitacora::proof {

class Groups {
 public:
  void consume(const Consumed& fact);
  void committed(const GroupCommitted& fact) { position(fact.group, fact.place).at = fact.place.offset; }
  void reset(const GroupReset& fact);
  void read(const GroupRead& fact, Findings& findings);
  void check(const Messages& messages, const Places& places, const Subscribers& subscribers, Findings& findings) const;

 private:
  struct Position {
    Offset at = -1;
    Offset passed = 0;           // everything below was looked at for D3
    std::vector<bool> consumed;  // by offset
    std::vector<Range> skipped;  // passed before a member had acknowledged it
  };
  [[nodiscard]] Position& position(const std::string& group, const Place& place) {
    return positions_[{group, place.log, place.partition}];
  }
  std::map<std::tuple<std::string, std::string, std::int32_t>, Position> positions_;
};

}  // namespace bitacora::proof
