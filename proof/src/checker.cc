#include "proof/checker.h"

#include <unordered_map>

#include "groups.h"
#include "incidents.h"
#include "messages.h"
#include "places.h"
#include "retained_values.h"
#include "subscribers.h"

namespace bitacora::proof {

struct Checker::State {
  explicit State(const CheckerOptions& options) : incidents(options.ready_within_ms) {}

  void take(const LogKnown& fact) { places.know(fact); }
  void take(const ServerEnded& fact) {
    ++totals.server_ends;
    places.ended(fact.how, now, messages);
    incidents.ended(now);
  }
  void take(const FaultEnded& fact) { incidents.fault_ended(fact.at_ms); }
  void take(const ServerReady& fact) { incidents.ready(fact.at_ms, findings); }
  void take(const Injected& fact) {
    if (fact.harm == Harm::quarantine) places.partition(fact.log, fact.partition).damaged({fact.begin, fact.end});
    incidents.injected(fact);
  }
  void take(const Reported& fact) { incidents.reported(fact); }
  void take(const RefusalsCounted& fact) {
    incidents.counted(fact.count, findings);
    if (incidents.has_unheard(fact.count)) places.add(UnheardRefusals{incidents.started(), now});
  }
  void take(const Published& fact) {
    const MessageId id = messages.publish(fact, now, totals);
    retained.publish(id, *messages.find(id));
  }
  void take(const Acknowledged& fact) {
    const MessageId id = messages.acknowledge(fact, now, totals);
    if (fact.place && messages.find(id)->kind != Published::Kind::removal) hold(*fact.place, id);
  }
  void take(const Refused& fact) {
    messages.refuse(fact, totals);
    incidents.refused();
  }
  void take(const RefusedUnheard& fact) { messages.refuse(fact, now); }
  void take(const ReadingBegan& fact) { places.begin(fact, now); }
  void take(const ReadRecord& fact) {
    ++totals.records_read;
    places.record(fact, now, messages, findings);
  }
  void take(const ReadingEnded& fact) { places.end(fact, findings); }
  void take(const Subscribed& fact) { subscribers.subscribe(fact, now); }
  void take(const Delivered& fact) {
    ++totals.delivered;
    const MessageId id = messages.recognise(fact.content, fact.topic, "a delivery to " + fact.subscriber, findings);
    if (fact.place) hold(*fact.place, id);
    subscribers.deliver(fact, id, messages.find(id), findings);
  }
  void take(const Consumed& fact) { groups.consume(fact); }
  void take(const GroupCommitted& fact) { groups.committed(fact); }
  void take(const GroupRead& fact) { groups.read(fact, findings); }
  void take(const GroupReset& fact) { groups.reset(fact); }
  void take(const RetainedRead& fact) { retained.read(fact, messages, findings); }

  void hold(const Place& place, MessageId id) {
    places.partition(place.log, place.partition).hold(place.offset, id, now, 0, messages, findings);
  }

  // I1 of what was never seen anywhere, and I6.
  void check_messages(Findings& into) const {
    const std::unordered_map<std::uint64_t, std::uint16_t> removed = places.removed_copies(messages);
    for (std::uint32_t publisher = 0; publisher < messages.all().size(); ++publisher) {
      for (std::uint32_t sequence = 0; sequence < messages.all()[publisher].size(); ++sequence) {
        const MessageId id{publisher, sequence};
        const Message& message = *messages.find(id);
        if (message.kind == Published::Kind::removal) continue;
        if (places.is_remembered(message) && message.copies == 0) {
          into.add(Invariant::I1, messages.name_of(id) + " was acknowledged and is nowhere");
        }
        const std::uint16_t most = message.qos == 1 ? message.attempts : 1;
        const auto gone = removed.find(id.packed());
        if (message.copies > most + (gone == removed.end() ? 0 : gone->second)) {
          into.add(Invariant::I6, messages.name_of(id) + ", sent " + std::to_string(message.attempts) +
                                      " times at QoS " + std::to_string(message.qos) + ", is " +
                                      std::to_string(message.copies) + " times in the log");
        }
      }
    }
  }

  FactNumber now = 0;
  Totals totals;
  Findings findings;  // what the facts taken so far have shown by themselves
  Messages messages;
  Places places;
  RetainedValues retained;
  Subscribers subscribers;
  Groups groups;
  Incidents incidents;
};

Checker::Checker(CheckerOptions options) : state_(std::make_unique<State>(options)) {}
Checker::~Checker() = default;
Checker::Checker(Checker&&) noexcept = default;
Checker& Checker::operator=(Checker&&) noexcept = default;

void Checker::take(const Fact& fact) {
  ++state_->now;
  std::visit([this](const auto& known) { state_->take(known); }, fact);
}

Verdict Checker::verdict() const {
  Findings findings = state_->findings;
  state_->check_messages(findings);
  state_->places.check(state_->messages, findings);
  state_->subscribers.check(state_->messages, state_->places, findings);
  state_->groups.check(state_->messages, state_->places, state_->subscribers, findings);
  state_->incidents.check(findings);
  return findings.verdict(state_->totals);
}

std::string to_text(const Verdict& verdict) {
  std::string text;
  std::array<std::uint64_t, invariant_names.size()> left = verdict.counts;
  for (std::size_t i = 0; i < verdict.breaches.size(); ++i) {
    const Invariant invariant = verdict.breaches[i].invariant;
    const auto index = static_cast<std::size_t>(invariant);
    text.append(name_of(invariant)).append(": ").append(verdict.breaches[i].evidence).append("\n");
    --left[index];
    const bool last = i + 1 == verdict.breaches.size() || verdict.breaches[i + 1].invariant != invariant;
    if (last && left[index] > 0) {
      text.append(name_of(invariant)).append(": and ").append(std::to_string(left[index])).append(" more\n");
    }
  }
  return text;
}

}  // namespace bitacora::proof
