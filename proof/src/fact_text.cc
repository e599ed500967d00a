// The lines of a ledger. Each fact's verb and fields stand once, below; writing and reading both walk over them.
#include <array>
#include <charconv>
#include <type_traits>

#include "proof/ledger.h"

namespace bitacora::proof {
namespace {

// --- the grammar: verb, then fields in order ---

template <class Fact>
constexpr std::string_view verb = {};

#define BITACORA_FACT(type, word, ...)          \
  template <>                                   \
  constexpr std::string_view verb<type> = word; \
  template <class Line>                         \
  void walk(type& fact, Line& line) {           \
    line(__VA_ARGS__);                          \
  }

BITACORA_FACT(LogKnown, "log", fact.log, fact.durability, fact.keep)
BITACORA_FACT(ServerEnded, "ended", fact.how, fact.at_ms)
BITACORA_FACT(FaultEnded, "fault-ended", fact.at_ms)
BITACORA_FACT(ServerReady, "ready", fact.at_ms)
BITACORA_FACT(Injected, "injected", fact.harm, fact.log, fact.partition, fact.begin, fact.end)
BITACORA_FACT(Reported, "reported", fact.harm, fact.log, fact.partition, fact.begin, fact.end)
BITACORA_FACT(RefusalsCounted, "refusals-counted", fact.count)
BITACORA_FACT(Published, "publish", fact.publisher, fact.sequence, fact.topic, fact.qos, fact.kind)
BITACORA_FACT(Acknowledged, "acknowledged", fact.publisher, fact.sequence, fact.by, fact.place)
BITACORA_FACT(Refused, "refused", fact.publisher, fact.sequence, fact.reason)
BITACORA_FACT(RefusedUnheard, "refused-unheard", fact.publisher, fact.sequence)
BITACORA_FACT(ReadingBegan, "reading", fact.reading, fact.log, fact.partition, fact.log_start, fact.from)
BITACORA_FACT(ReadRecord, "record", fact.reading, fact.offset, fact.topic, fact.content)
BITACORA_FACT(ReadingEnded, "reading-ended", fact.reading, fact.next)
BITACORA_FACT(Subscribed, "subscribed", fact.subscriber, fact.topic_prefix, fact.order)
BITACORA_FACT(Delivered, "delivered", fact.subscriber, fact.topic, fact.content, fact.place)
BITACORA_FACT(Consumed, "consumed", fact.group, fact.place)
BITACORA_FACT(GroupCommitted, "group-committed", fact.group, fact.place)
BITACORA_FACT(GroupRead, "group-read", fact.group, fact.place)
BITACORA_FACT(GroupReset, "group-reset", fact.group, fact.place)
BITACORA_FACT(RetainedRead, "retained", fact.topic, fact.content)

#undef BITACORA_FACT

template <class Value>
constexpr std::array<std::string_view, 0> words = {};
template <>
constexpr std::array<std::string_view, 3> words<Durability> = {"sync", "async", "memory"};
template <>
constexpr std::array<std::string_view, 3> words<Keep> = {"all", "recent", "compact"};
template <>
constexpr std::array<std::string_view, 3> words<End> = {"clean", "kill", "power"};
template <>
constexpr std::array<std::string_view, 2> words<Harm> = {"quarantine", "cut"};
template <>
constexpr std::array<std::string_view, 3> words<Published::Kind> = {"plain", "retained", "removal"};
template <>
constexpr std::array<std::string_view, 4> words<Answer> = {"puback", "pubrec", "pubcomp", "produced"};
template <>
constexpr std::array<std::string_view, 2> words<Order> = {"kept", "any"};
template <>
constexpr std::array<std::string_view, 4> words<Content::Kind> = {"message", "damaged", "foreign", "empty"};

// --- writing ---

class Writer {
 public:
  explicit Writer(std::string& line) : line_(line) {}

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (write(fields), ...);
  }

 private:
  template <class Value>
  void write(const Value& value) {
    if constexpr (std::is_enum_v<Value>) {
      word(words<Value>[static_cast<std::size_t>(value)]);
    } else {
      word(std::to_string(value));
    }
  }
  void write(const std::string& text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    line_ += ' ';
    if (text.empty()) line_ += '%';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte > ' ' && byte < 0x7F && byte != '%') {
        line_ += c;
      } else {
        line_ += '%';
        line_ += digits[byte >> 4];
        line_ += digits[byte & 15];
      }
    }
  }
  void write(const Content& content) {
    write(content.kind);
    if (content.kind == Content::Kind::message) {
      write(content.publisher);
      write(content.sequence);
    } else if (content.kind != Content::Kind::empty) {
      write(content.publisher);
      write(content.excerpt);
    }
  }
  void write(const Place& place) {
    write(place.log);
    write(place.partition);
    write(place.offset);
  }
  void write(const std::optional<Place>& place) { place ? write(*place) : word("-"); }
  void word(std::string_view text) { line_.append(" ").append(text); }

  std::string& line_;
};

// --- reading ---

class Reader {
 public:
  explicit Reader(std::string_view line) : rest_(line), line_ends_blank_(line.ends_with(' ')) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (read(fields), ...);
  }
  [[nodiscard]] std::string_view word() {
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (found.empty() || (rest_.empty() && line_ends_blank_)) wrong_ = true;
    return found;
  }
  [[nodiscard]] bool well() const { return !wrong_ && rest_.empty(); }

 private:
  template <class Value>
  void read(Value& value) {
    const std::string_view text = word();
    if constexpr (std::is_enum_v<Value>) {
      std::size_t index = 0;
      while (index < words<Value>.size() && words<Value>[index] != text) ++index;
      index < words<Value>.size() ? static_cast<void>(value = static_cast<Value>(index)) : fail();
    } else {
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) fail();
    }
  }
  void read(std::string& text) {
    const std::string_view encoded = word();
    text.clear();
    if (encoded == "%") return;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
      if (encoded[i] != '%') {
        text += encoded[i];
        continue;
      }
      std::uint8_t byte = 0;
      const std::string_view digits = encoded.substr(i + 1, 2);
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (digits.size() != 2 || parsed.ptr != digits.data() + 2) return fail();
      text += static_cast<char>(byte);
      i += 2;
    }
  }
  void read(Content& content) {
    read(content.kind);
    if (content.kind == Content::Kind::message) {
      read(content.publisher);
      read(content.sequence);
    } else if (content.kind != Content::Kind::empty) {
      read(content.publisher);
      read(content.excerpt);
    }
  }
  void read(Place& place) {
    read(place.log);
    read(place.partition);
    read(place.offset);
  }
  void read(std::optional<Place>& place) {
    if (rest_ == "-") {
      rest_ = {};
      place.reset();
    } else {
      read(place.emplace());
    }
  }
  void fail() { wrong_ = true; }

  std::string_view rest_;
  bool line_ends_blank_;
  bool wrong_ = false;
};

// The fact whose verb stands at the front of `line`, if it is one of the kinds from `Kind` on.
template <std::size_t Kind = 0>
Result<Fact> parse_as(std::string_view verb_found, Reader& fields) {
  if constexpr (Kind == std::variant_size_v<Fact>) {
    return Failure<std::string>("no such verb: " + std::string(verb_found));
  } else {
    using Type = std::variant_alternative_t<Kind, Fact>;
    if (verb<Type> != verb_found) return parse_as<Kind + 1>(verb_found, fields);
    Type fact{};
    walk(fact, fields);
    if (!fields.well()) return Failure<std::string>("wrong fields of \"" + std::string(verb_found) + "\"");
    return Fact(std::move(fact));
  }
}

}  // namespace

std::string format_fact(const Fact& fact) {
  return std::visit(
      []<class Type>(Type copy) {
        std::string line(verb<Type>);
        Writer writer(line);
        walk(copy, writer);
        return line;
      },
      fact);
}

Result<Fact> parse_fact(std::string_view line) {
  Reader reader(line);
  const std::string_view found = reader.word();
  return parse_as(found, reader);
}

}  // namespace bitacora::proof
