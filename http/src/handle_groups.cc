// Group offsets: what a group has committed, in which partition, and how far it is behind. One position for every door.
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "body_json.h"
#include "caller.h"
#include "handlers.h"
#include "json_text.h"
#include "parameters.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;

void write_position(JsonWriter& writer, const bridge::GroupPosition& position) {
  const storage::GroupOffset& committed = position.committed;
  writer.begin_object();
  writer.name("topic").string(committed.log);
  writer.name("partition").number(committed.partition);
  writer.name("offset").number(committed.offset);
  writer.name("metadata").string(committed.metadata);
  writer.name("committed_at").number(committed.committed_at);
  writer.name("log_start_offset").number(position.bounds.log_start);
  writer.name("committed_offset").number(position.bounds.committed);
  writer.name("lag");
  if (position.lag) {
    writer.number(*position.lag);
  } else {
    writer.null();
  }
  writer.end_object();
}

Parsed<storage::GroupOffset> parse_offset(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return Refused(error_answer(422, "each of offsets must be an object"));
  const auto topic = string_member(*object, "topic");
  if (!topic) return Refused(error_answer(422, "each of offsets needs a topic: a log's name"));
  const auto partition = integer_member(*object, "partition");
  const auto offset = integer_member(*object, "offset");
  if (!partition || *partition < 0 || *partition > INT32_MAX || !offset) {
    return Refused(error_answer(422, "each of offsets needs a partition and an offset: whole numbers"));
  }
  storage::GroupOffset parsed;
  parsed.log = *topic;
  parsed.partition = static_cast<std::int32_t>(*partition);
  parsed.offset = *offset;
  parsed.metadata = string_member(*object, "metadata").value_or("");
  return parsed;
}

// A group's offsets are for whoever could be a member of a $group: who may subscribe to something.
std::optional<Answer> unless_member(Door& door, const Request& request) {
  if (request.caller->may_ask_for(identity::Action::subscribe, "#")) return std::nullopt;
  return forbidden(door, "subscribe to anything, and so none to the offsets of groups");
}

}  // namespace

Answer get_groups(Door& door, const Request& request) {
  if (auto refused = unless_member(door, request)) return std::move(*refused);
  const auto groups = door.service.groups();
  if (!groups) return error_answer(groups.error());
  Answer answer;
  JsonWriter writer(answer.body);
  writer.begin_array();
  for (const std::string& group : *groups) writer.string(group);
  writer.end_array();
  return answer;
}

Answer get_group_offsets(Door& door, const Request& request) {
  if (auto refused = unless_member(door, request)) return std::move(*refused);
  const std::string& group = request.capture("group");
  const auto positions = door.service.group_positions(group);
  if (!positions) return error_answer(positions.error());
  Answer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().name("group").string(group).name("offsets").begin_array();
  for (const bridge::GroupPosition& position : *positions) write_position(writer, position);
  writer.end_array().end_object();
  return answer;
}

Answer put_group_offsets(Door& door, const Request& request) {
  if (auto refused = unless_member(door, request)) return std::move(*refused);
  const auto body = parse_body(request);
  if (!body) return body.error();
  const json::array* list = array_member(*body, "offsets");
  if (list == nullptr || list->empty()) {
    return error_answer(422, R"(the body must be {"offsets": [{"topic": "mqtt", "partition": 0, "offset": 42}]})");
  }
  std::vector<storage::GroupOffset> offsets;
  for (const json::value& value : *list) {
    auto offset = parse_offset(value);
    if (!offset) return offset.error();
    offsets.push_back(std::move(*offset));
  }
  const auto committed = door.service.commit_group(request.capture("group"), std::move(offsets), door.now_ms());
  if (!committed) return error_answer(committed.error());
  return get_group_offsets(door, request);
}

Answer delete_group(Door& door, const Request& request) {
  const std::string& group = request.capture("group");
  if (auto refused = unless_administering(door, request, "group/" + group)) return std::move(*refused);
  const auto removed = door.service.remove_group(group);
  if (!removed) return error_answer(removed.error());
  Answer answer;
  answer.status = 204;
  return answer;
}

}  // namespace bitacora::http
