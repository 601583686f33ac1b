#include "control/api/json_api.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/api/refusal.h"
#include "control/source/any_kind.h"
#include "google/protobuf/util/json_util.h"
#include "schema/document.h"
#include "schema/problem.h"
#include "schema/write.h"

namespace weft::control::api {
namespace {

HttpResponse Reply(const absl::Status& status) {
  HttpResponse response;
  response.code = HttpCodeOf(status);
  response.body = ToJson(status) + "\n";
  return response;
}

HttpResponse Reply(const absl::StatusOr<std::string>& json) {
  if (!json.ok()) return Reply(json.status());
  HttpResponse response;
  response.body = *json + "\n";
  return response;
}

HttpResponse Reply(const absl::Status& status, const google::protobuf::Message& message) {
  if (!status.ok()) return Reply(status);
  return Reply(schema::ToJson(message, schema::Spelling::kCamel));
}

HttpResponse WrongMethod(const std::string& allowed) {
  HttpResponse response = Reply(absl::UnimplementedError(absl::StrCat("this path takes ", allowed)));
  response.code = 405;
  return response;
}

absl::Status ReadJson(const std::string& body, google::protobuf::Message* message) {
  if (body.empty()) return absl::OkStatus();
  const google::protobuf::util::Status read = google::protobuf::util::JsonStringToMessage(body, message);
  if (read.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the body is no ", message->GetTypeName(), " in JSON: ", std::string(read.message())));
}

absl::StatusOr<int64_t> Number(const HttpRequest& request, const std::string& name) {
  const std::string text = request.Query(name);
  int64_t value = 0;
  if (text.empty() || (absl::SimpleAtoi(text, &value) && value >= 0)) return value;
  return absl::InvalidArgumentError(absl::StrCat("query parameter ", name, ": \"", text, "\" is no number"));
}

// %FF in a target is any byte, while messages carry UTF-8 only: a log that holds such an author cannot be read any
// more.
absl::Status CheckTarget(const HttpRequest& request) {
  schema::Problems problems;
  const auto check = [&](const std::string& part, const std::string& text) {
    std::string_view view = text;
    return schema::CheckText(&view, {.file = part}, &problems);
  };
  if (!check("the path", request.path)) return problems.ToStatus();
  for (const auto& [name, value] : request.query) {
    if (!check("a query parameter's name", name) || !check("query parameter " + name, value))
      return problems.ToStatus();
  }
  return absl::OkStatus();
}

using Call = std::function<HttpResponse(Operations&, const std::string& via, const std::string& body)>;

template <typename Request, typename Response>
Call CallOf(absl::Status (Operations::*method)(const std::string&, const Request&, Response*)) {
  return [method](Operations& operations, const std::string& via, const std::string& body) {
    Request request;
    if (absl::Status read = ReadJson(body, &request); !read.ok()) return Reply(read);
    Response response;
    const absl::Status done = (operations.*method)(via, request, &response);
    return Reply(done, response);
  };
}

const std::map<std::string, Call>& Calls() {
  static const auto& calls = *new std::map<std::string, Call>{
      {"Apply", CallOf(&Operations::Apply)},
      {"Get", CallOf(&Operations::Get)},
      {"List", CallOf(&Operations::List)},
      {"Delete", CallOf(&Operations::Delete)},
      {"Rollback", CallOf(&Operations::Rollback)},
      {"Log", CallOf(&Operations::Log)},
      {"CreateToken", CallOf(&Operations::CreateToken)},
      {"ListTokens", CallOf(&Operations::ListTokens)},
      {"RevokeToken", CallOf(&Operations::RevokeToken)},
      {"ListProxies", CallOf(&Operations::ListProxies)},
      {"GetProxyConfig", CallOf(&Operations::GetProxyConfig)},
      {"ListCertificates", CallOf(&Operations::ListCertificates)},
      {"GetVersion", CallOf(&Operations::GetVersion)},
  };
  return calls;
}

// The objects in their own form, as kubectl prints a list.
absl::StatusOr<std::string> ListJson(const weft::v1::ListResponse& list) {
  std::string json = absl::StrCat("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"",
                                  list.revision(), "\"},\"items\":[");
  for (int i = 0; i < list.objects_size(); ++i) {
    absl::StatusOr<std::string> item = schema::ToJson(source::InnerOf(list.objects(i)), schema::Spelling::kCamel);
    if (!item.ok()) return item;
    absl::StrAppend(&json, i == 0 ? "" : ",", *item);
  }
  return json + "]}";
}

}  // namespace

JsonApi::JsonApi(const Access& access, Operations& operations, std::function<std::string()> ready)
    : access_(access), operations_(operations), ready_(std::move(ready)) {}

std::optional<HttpResponse> HealthReply(const HttpRequest& request, const std::function<std::string()>& ready) {
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  if (request.path == "/healthz") {
    response.body = "ok\n";
    return response;
  }
  if (request.path != "/readyz") return std::nullopt;
  const std::string why_not = ready();
  response.code = why_not.empty() ? 200 : 503;
  response.body = why_not.empty() ? "ok\n" : why_not + "\n";
  return response;
}

std::optional<HttpResponse> JsonApi::Admit(const HttpRequest& head) const {
  if (std::optional<HttpResponse> health = HealthReply(head, ready_)) {
    // A probe needs no token, so that its body must not be read either. Probes have none.
    const bool has_body = head.headers.count("transfer-encoding") > 0 || head.headers.count("content-length") > 0;
    return has_body ? std::move(health) : std::nullopt;
  }
  const absl::StatusOr<std::string> via = access_.Check(head.peer, head.Header("authorization"));
  if (via.ok()) return std::nullopt;
  return Reply(via.status());
}

HttpResponse JsonApi::Handle(const HttpRequest& request) {
  if (std::optional<HttpResponse> health = HealthReply(request, ready_)) return *health;
  absl::StatusOr<std::string> via = access_.Check(request.peer, request.Header("authorization"));
  if (!via.ok()) return Reply(via.status());
  if (absl::Status text = CheckTarget(request); !text.ok()) return Reply(text);
  return Route(request, *via);
}

HttpResponse JsonApi::Route(const HttpRequest& request, const std::string& via) {
  constexpr const char* kService = "/weft.v1.Control/";
  if (absl::StartsWith(request.path, kService)) {
    if (request.method != "POST") return WrongMethod("POST");
    return Method(request.path.substr(std::string(kService).size()), request.body, via);
  }
  if (request.path == "/v1/objects") return Objects(request, via);
  if (absl::StartsWith(request.path, "/v1/objects/")) return OneObject(request, via);
  if (request.path == "/v1/apply") return Apply(request, via);
  if (request.path == "/v1/rollback") {
    if (request.method != "POST") return WrongMethod("POST");
    absl::StatusOr<int64_t> revision = Number(request, "revision");
    if (!revision.ok()) return Reply(revision.status());
    return Method("Rollback", absl::StrCat("{\"revision\":", *revision, "}"), via);
  }
  if (request.method != "GET") return WrongMethod("GET");
  if (request.path == "/v1/watch") return Watch(request);
  if (request.path == "/v1/log") {
    absl::StatusOr<int64_t> limit = Number(request, "limit");
    if (!limit.ok()) return Reply(limit.status());
    return Method("Log", absl::StrCat("{\"limit\":", std::min<int64_t>(*limit, 100000), "}"), via);
  }
  const std::vector<std::string> parts = absl::StrSplit(request.path, '/');
  if (parts.size() == 5 && parts[1] == "v1" && parts[2] == "proxies" && parts[4] == "config") {
    weft::v1::GetProxyConfigRequest wanted;
    wanted.set_id(parts[3]);
    weft::v1::GetProxyConfigResponse response;
    const absl::Status done = operations_.GetProxyConfig(via, wanted, &response);
    return Reply(done, response);
  }
  static const auto& plain = *new std::map<std::string, std::string>{{"/v1/proxies", "ListProxies"},
                                                                     {"/v1/certificates", "ListCertificates"},
                                                                     {"/v1/tokens", "ListTokens"},
                                                                     {"/v1/version", "GetVersion"}};
  const auto method = plain.find(request.path);
  if (method != plain.end()) return Method(method->second, "", via);
  return Reply(absl::NotFoundError(absl::StrCat(request.path, ": there is no such path")));
}

HttpResponse JsonApi::Method(const std::string& name, const std::string& body, const std::string& via) {
  const auto call = Calls().find(name);
  if (call != Calls().end()) return call->second(operations_, via, body);
  if (name == "Watch") return Reply(absl::UnimplementedError("Watch is a stream: GET /v1/watch"));
  return Reply(absl::NotFoundError(absl::StrCat("weft.v1.Control has no method ", name)));
}

HttpResponse JsonApi::Objects(const HttpRequest& request, const std::string& via) {
  if (request.method != "GET") return WrongMethod("GET; objects are changed by POST /v1/apply");
  weft::v1::ListRequest wanted;
  wanted.set_kind(request.Query("kind"));
  wanted.set_namespace_(request.Query("namespace"));
  absl::StatusOr<int64_t> revision = Number(request, "revision");
  if (!revision.ok()) return Reply(revision.status());
  wanted.set_revision(*revision);
  for (absl::string_view pair : absl::StrSplit(request.Query("label"), ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> label = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    (*wanted.mutable_labels())[label.first] = label.second;
  }
  weft::v1::ListResponse list;
  if (absl::Status listed = operations_.List(via, wanted, &list); !listed.ok()) return Reply(listed);
  return Reply(ListJson(list));
}

HttpResponse JsonApi::OneObject(const HttpRequest& request, const std::string& via) {
  const std::vector<std::string> parts = absl::StrSplit(request.path, '/');
  if (parts.size() != 6) return Reply(absl::NotFoundError("/v1/objects/KIND/NAMESPACE/NAME is wanted"));
  if (request.method == "GET") {
    weft::v1::GetRequest wanted;
    wanted.set_kind(parts[3]);
    wanted.set_namespace_(parts[4]);
    wanted.set_name(parts[5]);
    absl::StatusOr<int64_t> revision = Number(request, "revision");
    if (!revision.ok()) return Reply(revision.status());
    wanted.set_revision(*revision);
    weft::v1::Object object;
    const absl::Status got = operations_.Get(via, wanted, &object);
    return Reply(got, source::InnerOf(object));
  }
  if (request.method != "DELETE") return WrongMethod("GET or DELETE");
  weft::v1::DeleteRequest wanted;
  weft::v1::ObjectKey* key = wanted.add_keys();
  key->set_kind(parts[3]);
  key->set_namespace_(parts[4]);
  key->set_name(parts[5]);
  wanted.set_resource_version(request.Query("resourceVersion"));
  wanted.set_dry_run(request.Query("dryRun") == "true");
  weft::v1::ApplyResponse response;
  const absl::Status deleted = operations_.Delete(via, wanted, &response);
  return Reply(deleted, response);
}

HttpResponse JsonApi::Apply(const HttpRequest& request, const std::string& via) {
  if (request.method != "POST") return WrongMethod("POST");
  weft::v1::ApplyRequest wanted;
  weft::v1::Manifest* manifest = wanted.add_manifests();
  manifest->set_file(request.Query("file"));
  manifest->set_text(request.body);
  wanted.set_dry_run(request.Query("dryRun") == "true");
  wanted.set_message(request.Query("message"));
  wanted.set_author(request.Query("author"));
  wanted.set_default_namespace(request.Query("namespace"));
  weft::v1::ApplyResponse response;
  const absl::Status applied = operations_.Apply(via, wanted, &response);
  return Reply(applied, response);
}

HttpResponse JsonApi::Watch(const HttpRequest& request) {
  weft::v1::WatchRequest wanted;
  if (!request.Query("kind").empty()) wanted.add_kinds(request.Query("kind"));
  wanted.set_namespace_(request.Query("namespace"));
  absl::StatusOr<int64_t> revision = Number(request, "fromRevision");
  if (!revision.ok()) return Reply(revision.status());
  wanted.set_from_revision(*revision);
  HttpResponse response;
  response.content_type = "application/x-ndjson";
  response.stream = [this, wanted](const HttpWriter& write, const std::function<bool()>& stop) {
    const absl::Status ended = operations_.Watch(
        wanted,
        [&](const weft::v1::WatchEvent& event) {
          const absl::StatusOr<std::string> json = schema::ToJson(event, schema::Spelling::kCamel);
          return json.ok() && write(*json + "\n");
        },
        stop);
    if (!ended.ok()) write(absl::StrCat("{\"error\":", ToJson(ended), "}\n"));
  };
  return response;
}

}  // namespace weft::control::api
