// What there is: a short list of links, and the OpenAPI document.
#include "handlers.h"
#include "http/routes.h"
#include "json_text.h"

namespace bitacora::http {

Answer get_index(Door&, const Request&) {
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.name("name").string("Bitácora");
  json.name("documentation").string("/openapi.json");
  json.name("links").begin_array();
  for (const Route& route : route_table()) {
    if (route.pattern == "/") continue;
    std::string link = std::string(route.method) + " " + std::string(route.pattern);
    for (std::size_t i = 0; i < route.parameters.size(); ++i) {
      link.append(i == 0 ? "?" : "&").append(route.parameters[i]).append("=");
    }
    json.string(link);
  }
  json.end_array().end_object();
  return answer;
}

Answer get_openapi(Door&, const Request&) {
  Answer answer;
  answer.body = openapi_document();
  return answer;
}

}  // namespace bitacora::http
