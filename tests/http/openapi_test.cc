// The document and the server, held together: every route, method and parameter is in both, and what the server answers
// is what the document says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "http/routes.h"
#include "http/running_door.h"

namespace bitacora::http {
namespace {

namespace json = boost::json;
using testing::IsEmpty;

std::string text(const json::value& value) { return value.as_string().c_str(); }

class OpenApiTest : public testing::Test {
 protected:
  const json::value& resolve(const json::value& schema) const {
    const json::value* reference = schema.as_object().if_contains("$ref");
    if (reference == nullptr) return schema;
    return document.at("components")
        .at("schemas")
        .at(text(*reference).substr(std::string("#/components/schemas/").size()));
  }
  // What is wrong with a value; nothing if it is as the schema says. Knows type, nullable, required, properties,
  // additionalProperties, items and enum. A property that the schema does not name is wrong.
  std::vector<std::string> faults(const json::value& value, const json::value& unresolved, const std::string& at) const;
  std::vector<std::string> object_faults(const json::object& value, const json::object& schema,
                                         const std::string& at) const;
  // The schema of a JSON answer, by route, method and status.
  const json::value& answer_schema(const std::string& path, const std::string& method, unsigned status) const {
    const json::value& answer = document.at("paths").at(path).at(method).at("responses").at(std::to_string(status));
    return answer.at("content").as_object().begin()->value().at("schema");
  }

  json::value document = json::parse(json::string_view(openapi_document().data(), openapi_document().size()));
  RunningDoor door;
};

bool has_type(const json::value& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_bool();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

std::vector<std::string> OpenApiTest::faults(const json::value& value, const json::value& unresolved,
                                             const std::string& at) const {
  const json::object& schema = resolve(unresolved).as_object();
  if (value.is_null() && schema.contains("nullable")) return {};
  if (const json::value* type = schema.if_contains("type"); type != nullptr && !has_type(value, text(*type))) {
    return {at + " is no " + text(*type) + ": " + json::serialize(value)};
  }
  if (const json::value* words = schema.if_contains("enum")) {
    bool known = false;
    for (const json::value& word : words->as_array()) known = known || word == value;
    if (!known) return {at + " is none of its words: " + json::serialize(value)};
  }
  std::vector<std::string> all;
  if (value.is_array() && schema.contains("items")) {
    for (const json::value& item : value.as_array()) {
      for (std::string& fault : faults(item, schema.at("items"), at + "[]")) all.push_back(std::move(fault));
    }
  }
  if (value.is_object() && (schema.contains("properties") || schema.contains("additionalProperties"))) {
    return object_faults(value.as_object(), schema, at);
  }
  return all;
}

std::vector<std::string> OpenApiTest::object_faults(const json::object& value, const json::object& schema,
                                                    const std::string& at) const {
  std::vector<std::string> all;
  if (const json::value* required = schema.if_contains("required")) {
    for (const json::value& name : required->as_array()) {
      if (!value.contains(name.as_string())) all.push_back(at + " lacks " + text(name));
    }
  }
  const json::value* properties = schema.if_contains("properties");
  for (const auto& [key, member] : value) {
    const std::string name(key);
    const json::value* of_member =
        properties != nullptr ? properties->as_object().if_contains(key) : &schema.at("additionalProperties");
    if (of_member == nullptr) {
      all.push_back(at + " has " + name + ", which the document does not name");
      continue;
    }
    for (std::string& fault : faults(member, *of_member, at + "." + name)) all.push_back(std::move(fault));
  }
  return all;
}

TEST_F(OpenApiTest, EveryRouteIsInTheDocumentAndNothingElseIs) {
  std::set<std::string> served;
  for (const RouteInfo& route : routes()) {
    std::string method(route.method);
    for (char& letter : method) letter = static_cast<char>(std::tolower(letter));
    served.insert(method + " " + std::string(route.pattern));
  }
  std::set<std::string> documented;
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      documented.insert(std::string(operation.key()) + " " + std::string(path.key()));
    }
  }
  EXPECT_EQ(documented, served);
}

TEST_F(OpenApiTest, EveryParameterIsInTheDocumentAndNothingElseIs) {
  for (const RouteInfo& route : routes()) {
    std::string method(route.method);
    for (char& letter : method) letter = static_cast<char>(std::tolower(letter));
    const json::object& operation = document.at("paths").at(route.pattern).at(method).as_object();
    std::set<std::string> in_query, in_path;
    if (const json::value* parameters = operation.if_contains("parameters")) {
      for (const json::value& parameter : parameters->as_array()) {
        if (parameter.at("in") == "query") in_query.insert(text(parameter.at("name")));
        if (parameter.at("in") == "path") in_path.insert("{" + text(parameter.at("name")) + "}");
      }
    }
    EXPECT_EQ(in_query, std::set<std::string>(route.parameters.begin(), route.parameters.end())) << route.pattern;
    for (const std::string& name : in_path) {
      EXPECT_NE(route.pattern.find(name), std::string_view::npos) << route.pattern << name;
    }
    EXPECT_EQ(in_path.size(), static_cast<std::size_t>(std::count(route.pattern.begin(), route.pattern.end(), '{')));
  }
}

TEST_F(OpenApiTest, WhatTheServerAnswersIsAsTheDocumentSays) {
  door.append(0, "plant/1", "\xff");
  door.append(0, "plant/1", "{\"t\":1}");
  struct Row {
    const char* method;
    const char* path;
    const char* target;
    const char* body;
    unsigned status;
  };
  const Row table[] = {
      {"GET", "/", "/", "", 200},
      {"GET", "/openapi.json", "/openapi.json", "", 200},
      {"GET", "/topics", "/topics", "", 200},
      {"GET", "/topics/{log}", "/topics/mqtt", "", 200},
      {"GET", "/topics/{log}", "/topics/nope", "", 404},
      {"POST", "/topics/{log}", "/topics/mqtt", R"({"records":[{"key":"k","value":1}]})", 200},
      {"POST", "/topics/{log}", "/topics/mqtt", "{}", 422},
      {"POST", "/topics/{log}/partitions/{partition}", "/topics/mqtt/partitions/0", R"({"records":[{"value":1}]})",
       200},
      {"GET", "/topics/{log}/partitions", "/topics/mqtt/partitions", "", 200},
      {"GET", "/topics/{log}/partitions/{partition}", "/topics/mqtt/partitions/0", "", 200},
      {"GET", "/topics/{log}/partitions/{partition}/offsets", "/topics/mqtt/partitions/0/offsets?timestamp=-1h", "",
       200},
      {"GET", "/topics/{log}/partitions/{partition}/records", "/topics/mqtt/partitions/0/records", "", 200},
      {"GET", "/topics/{log}/partitions/{partition}/records", "/topics/mqtt/partitions/0/records?format=json", "", 200},
      {"GET", "/topics/{log}/partitions/{partition}/records", "/topics/mqtt/partitions/0/records?offset=99", "", 416},
      {"GET", "/topics/{log}/partitions/{partition}/records", "/topics/mqtt/partitions/0/records?offset=x", "", 400},
      {"PUT", "/groups/{group}/offsets", "/groups/g/offsets",
       R"({"offsets":[{"topic":"mqtt","partition":0,"offset":1}]})", 200},
      {"GET", "/groups/{group}/offsets", "/groups/g/offsets", "", 200},
      {"GET", "/groups", "/groups", "", 200},
      {"DELETE", "/groups/{group}", "/groups/none", "", 404},
      {"GET", "/tail", "/tail?from=soon", "", 400},
      {"GET", "/health", "/health", "", 200},
      {"GET", "/recovery", "/recovery", "", 200},
  };
  for (const Row& row : table) {
    const Response response = *row.body == 0 ? door.client().request({.method = row.method, .target = row.target})
                                             : door.send(row.method, row.target, row.body);
    ASSERT_EQ(response.status, row.status) << row.target << response.body;
    std::string method = row.method;
    for (char& letter : method) letter = static_cast<char>(std::tolower(letter));
    EXPECT_THAT(faults(json::parse(response.body), answer_schema(row.path, method, row.status), "answer"), IsEmpty())
        << row.method << " " << row.target;
  }
}

TEST_F(OpenApiTest, TheCheckerFindsFaults) {
  const json::value& schema = document.at("components").at("schemas").at("Error");
  EXPECT_THAT(faults(json::parse(R"({"error_code":1,"message":"x"})"), schema, "it"), IsEmpty());
  EXPECT_THAT(faults(json::parse(R"({"error_code":"1","message":"x"})"), schema, "it"), testing::SizeIs(1));
  EXPECT_THAT(faults(json::parse(R"({"message":"x"})"), schema, "it"), testing::SizeIs(1));
  EXPECT_THAT(faults(json::parse(R"({"error_code":1,"message":"x","more":1})"), schema, "it"), testing::SizeIs(1));
  EXPECT_THAT(faults(json::parse("[]"), schema, "it"), testing::SizeIs(1));
}

}  // namespace
}  // namespace bitacora::http
