#include "control/source/manifest.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/source/any_kind.h"
#include "control/source/names.h"
#include "schema/document.h"

namespace weft::control::source {
namespace {

// The words of Kind exactly as KindName spells them: what a user writes as `kind:` is not a search word.
std::optional<model::Kind> ExactKind(std::string_view word) {
  for (const model::Kind kind : model::kEveryKind) {
    if (model::KindName(kind) == word) return kind;
  }
  return std::nullopt;
}

std::string CheckKind(std::string_view word) {
  if (word.empty()) return absl::StrCat("is missing; ", model::KindList(), " is wanted");
  if (ExactKind(word).has_value()) return "";
  const std::optional<model::Kind> near = model::KindFromWord(word);
  const std::string hint = near.has_value() ? absl::StrCat("; did you mean ", std::string(model::KindName(*near)), "?")
                                            : absl::StrCat("; ", model::KindList(), " is wanted");
  return absl::StrCat(schema::Quoted(word), " is no kind of Weft's", hint);
}

// Versions before the present one that read the same.
bool IsOlderVersion(model::Kind kind, std::string_view version) {
  constexpr std::string_view kGroup = "gateway.networking.k8s.io/";
  if (!version.starts_with(kGroup) || ApiVersionOf(kind) != "gateway.networking.k8s.io/v1") return false;
  version.remove_prefix(kGroup.size());
  switch (kind) {
    case model::Kind::kHttpRoute: return version == "v1beta1";
    case model::Kind::kTcpRoute: return version == "v1alpha2";
    case model::Kind::kTlsRoute: return version == "v1alpha2" || version == "v1alpha3";
    default: return version == "v1alpha3";  // BackendTLSPolicy
  }
}

std::string CheckApiVersion(model::Kind kind, std::string_view version) {
  if (version == ApiVersionOf(kind) || IsOlderVersion(kind, version)) return "";
  const std::string wanted =
      absl::StrCat(std::string(ApiVersionOf(kind)), " is wanted for ", std::string(model::KindName(kind)));
  if (version.empty()) return absl::StrCat("is missing; ", wanted);
  if (kind == model::Kind::kService && version == "v1") {
    return absl::StrCat("\"v1\" is Kubernetes' own Service; without Kubernetes ", wanted);
  }
  return absl::StrCat(schema::Quoted(version), " is not known; ", wanted);
}

// Fills the namespace in and checks the two names. Only the mesh's own object has a fixed place.
void SettleName(model::Kind kind, std::string_view default_namespace, weft::v1::ObjectMeta& meta, Checker& checker) {
  if (meta.namespace_().empty()) {
    if (kind == model::Kind::kMeshConfig) default_namespace = model::kMeshNamespace;
    if (default_namespace.empty()) default_namespace = model::kDefaultNamespace;
    meta.set_namespace_(std::string(default_namespace));
  }
  checker.Ok("metadata.namespace", meta.namespace_(), CheckLabel(meta.namespace_()));
  if (meta.name().empty()) {
    checker.Error("metadata.name", "is missing; every object needs a name");
  } else {
    const bool label = kind == model::Kind::kService;  // it becomes a label of host names
    checker.Ok("metadata.name", meta.name(), label ? CheckLabel(meta.name()) : CheckSubdomain(meta.name()));
  }
  if (kind == model::Kind::kMeshConfig && (meta.name() != "default" || meta.namespace_() != model::kMeshNamespace)) {
    checker.Error("metadata.name", absl::StrCat("there is one MeshConfig: name \"default\" in namespace \"",
                                                std::string(model::kMeshNamespace), "\""));
  }
}

std::string ObjectName(model::Kind kind, std::string_view ns, std::string_view name) {
  if (name.empty()) return std::string(model::KindName(kind));
  if (ns.empty()) return absl::StrCat(std::string(model::KindName(kind)), "/", std::string(name));
  return model::ObjectKey{kind, {std::string(ns), std::string(name)}}.ToString();
}

// Reports at `field` of a document whose kind may not be known yet.
void Report(const schema::Document& document, const std::string& field, std::string what, Findings& findings) {
  schema::Problems problems;
  document.Report(field, std::move(what), &problems);
  findings.AddProblems(problems, document.Text("metadata.name"));
}

std::optional<Input> ReadDocument(const schema::Document& document, std::string_view default_namespace,
                                  Findings& findings) {
  const std::string word = document.Text("kind");
  if (std::string wrong = CheckKind(word); !wrong.empty()) {
    Report(document, "kind", std::move(wrong), findings);
    return std::nullopt;
  }
  const model::Kind kind = *ExactKind(word);
  std::string ns = document.Text("metadata.namespace");
  if (ns.empty()) ns = default_namespace;
  const std::string name = ObjectName(kind, ns, document.Text("metadata.name"));

  Input input;
  input.key.kind = kind;
  auto map = std::make_shared<schema::SourceMap>();
  schema::Problems problems;
  if (std::string wrong = CheckApiVersion(kind, document.Text("apiVersion")); !wrong.empty()) {
    document.Report("apiVersion", std::move(wrong), &problems);
  }
  document.Read(MutableOf(input.object, kind), &problems, map.get());
  if (!problems.empty()) {
    findings.AddProblems(problems, name);
    return std::nullopt;
  }
  input.map = std::move(map);
  Checker checker(findings, name, input.map.get());
  weft::v1::ObjectMeta& meta = *MutableMeta(input.object);
  SettleName(kind, default_namespace, meta, checker);
  input.key.name = {meta.namespace_(), meta.name()};
  return input;
}

}  // namespace

std::string_view ApiVersionOf(model::Kind kind) {
  switch (kind) {
    case model::Kind::kHttpRoute:
    case model::Kind::kTcpRoute:
    case model::Kind::kTlsRoute:
    case model::Kind::kBackendTlsPolicy: return "gateway.networking.k8s.io/v1";
    case model::Kind::kConfigMap: return "v1";
    default: return "weft.dev/v1";
  }
}

std::vector<Input> ReadManifest(std::string_view text, const std::string& file, std::string_view default_namespace,
                                Findings& findings) {
  schema::Problems problems;
  schema::Options options;
  options.file = file;
  options.unit_durations = true;
  // A timeout without a unit is no duration; DurationFrom says so, and which unit may have been meant.
  options.int_or_text = {"weft.v1.ServicePort.target_port", "gateway.v1.HTTPRouteTimeouts.request",
                         "gateway.v1.HTTPRouteTimeouts.backend_request"};
  std::vector<Input> inputs;
  const std::vector<schema::Document> documents = schema::Load(text, options, &problems);
  findings.AddProblems(problems, "");
  for (const schema::Document& document : documents) {
    if (document.Text("kind") != "List") {
      if (std::optional<Input> input = ReadDocument(document, default_namespace, findings))
        inputs.push_back(*std::move(input));
      continue;
    }
    for (const schema::Document& element : document.Elements("items")) {
      if (std::optional<Input> input = ReadDocument(element, default_namespace, findings))
        inputs.push_back(*std::move(input));
    }
  }
  return inputs;
}

std::optional<Input> InputOf(weft::v1::Object object, std::string_view default_namespace, Findings& findings) {
  Input input;
  input.object = std::move(object);
  const std::optional<model::Kind> kind = KindOf(input.object);
  if (!kind.has_value()) {
    Checker(findings, "", nullptr).Error("", absl::StrCat("the object is empty; ", model::KindList(), " is wanted"));
    return std::nullopt;
  }
  weft::v1::ObjectMeta& meta = *MutableMeta(input.object);
  Checker checker(findings, ObjectName(*kind, meta.namespace_(), meta.name()), nullptr);
  SetHead(input.object, *kind);
  SettleName(*kind, default_namespace, meta, checker);
  input.key = {*kind, {meta.namespace_(), meta.name()}};
  return input;
}

void CheckDuplicates(const std::vector<Input>& inputs, Findings& findings) {
  std::map<model::ObjectKey, const Input*> seen;
  for (const Input& input : inputs) {
    const auto [first, is_new] = seen.emplace(input.key, &input);
    if (is_new) continue;
    std::string where = "earlier in the request";
    if (first->second->map != nullptr) {
      const schema::Location at = first->second->map->Find("metadata.name");
      where = absl::StrCat("at ", first->second->map->file(), ":", at.line);
    }
    input.CheckerFor(findings).Error("metadata.name", absl::StrCat("the object is there already, ", where));
  }
}

}  // namespace weft::control::source
