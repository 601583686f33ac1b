#include "control/api/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "control/source/manifest.h"
#include "control/store/scratch_directory.h"

namespace weft::control::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using weft::v1::ApplyResponse;
using weft::v1::WatchEvent;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const Author kAnn{"ann", "unix socket"};

std::string ServiceText(const std::string& name, int port, const std::string& version = "") {
  const std::string head = version.empty() ? "" : absl::StrCat(", resourceVersion: '", version, "'");
  return absl::StrCat("apiVersion: weft.dev/v1\nkind: Service\nmetadata: {name: ", name, head,
                      "}\nspec: {ports: [{port: ", port, ", protocol: HTTP}], selector: {app: ", name, "}}\n---\n");
}

class RegistryTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    registry_.reset();
    store_.reset();
    auto store = store::Store::Open(directory_.path());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto registry = Registry::Open(*store_, "cluster.local");
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    published_.clear();
    registry_->SetPublish([this](std::shared_ptr<const model::World> world) { published_.push_back(world->revision); });
  }
  absl::Status Apply(const std::string& text, bool dry_run = false) {
    weft::v1::ApplyRequest request;
    request.add_manifests()->set_text(text);
    request.mutable_manifests(0)->set_file("web.yaml");
    request.set_dry_run(dry_run);
    answer_.Clear();
    return registry_->Apply(kAnn, request, kNow, &answer_);
  }
  absl::Status Delete(const std::string& name, const std::string& version = "", bool ignore_not_found = false) {
    weft::v1::DeleteRequest request;
    request.add_keys()->set_kind("service");
    request.mutable_keys(0)->set_name(name);
    request.set_resource_version(version);
    request.set_ignore_not_found(ignore_not_found);
    answer_.Clear();
    return registry_->Delete(kAnn, request, kNow, &answer_);
  }
  absl::Status Rollback(int64_t revision) {
    weft::v1::RollbackRequest request;
    request.set_revision(revision);
    answer_.Clear();
    return registry_->Rollback(kAnn, request, kNow, &answer_);
  }
  absl::StatusOr<weft::v1::Object> Get(const std::string& name, int64_t revision = 0) {
    weft::v1::GetRequest request;
    request.set_kind("svc");
    request.set_name(name);
    request.set_revision(revision);
    weft::v1::Object object;
    if (absl::Status got = registry_->Get(request, &object); !got.ok()) return got;
    return object;
  }
  int PortOf(const std::string& name, int64_t revision = 0) {
    const auto object = Get(name, revision);
    return object.ok() ? static_cast<int>(object->service().spec().ports(0).port()) : 0;
  }
  std::string VersionOf(const std::string& name) {
    const auto object = Get(name);
    return object.ok() ? object->service().metadata().resource_version() : "none";
  }
  std::vector<std::string> Names() {
    weft::v1::ListResponse list;
    EXPECT_TRUE(registry_->List({}, &list).ok());
    std::vector<std::string> names;
    for (const auto& object : list.objects()) names.push_back(source::MetaOf(object)->name());
    return names;
  }
  // "ADDED web 1"; "BOOKMARK 1".
  std::vector<std::string> Lines(const std::vector<WatchEvent>& events) {
    std::vector<std::string> lines;
    for (const WatchEvent& event : events) {
      const auto* meta = event.has_object() ? source::MetaOf(event.object()) : nullptr;
      lines.push_back(absl::StrCat(WatchEvent::Type_Name(event.type()), meta == nullptr ? "" : " " + meta->name(), " ",
                                   event.revision()));
    }
    return lines;
  }

  store::ScratchDirectory directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Registry> registry_;
  std::vector<int64_t> published_;
  ApplyResponse answer_;
};

TEST_F(RegistryTest, OneWrongObjectStopsTheWholeFileAndIsNamedByFileLineAndField) {
  const absl::Status refused = Apply(ServiceText("web", 80) + ServiceText("api", 0));
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("web.yaml:9:"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("spec.ports[0].port"));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(published_, ElementsAre(0));
  EXPECT_EQ(registry_->Counts().refusals, 1);
}

TEST_F(RegistryTest, AFileIsOneRevisionThatIsPublishedOnceAndSurvivesARestart) {
  ASSERT_TRUE(Apply(ServiceText("web", 80) + ServiceText("api", 81)).ok());
  EXPECT_TRUE(answer_.changed());
  EXPECT_EQ(answer_.revision(), 1);
  EXPECT_THAT(Names(), ElementsAre("api", "web"));
  EXPECT_THAT(published_, ElementsAre(0, 1));
  const std::string address = Get("web")->service().status().addresses(0);
  Reopen();
  EXPECT_THAT(published_, ElementsAre(1));
  EXPECT_EQ(PortOf("api"), 81);
  EXPECT_EQ(Get("web")->service().status().addresses(0), address);
}

TEST_F(RegistryTest, TheSameAgainIsNoRevision) {
  ASSERT_TRUE(Apply(ServiceText("web", 80)).ok());
  ASSERT_TRUE(Apply(ServiceText("web", 80)).ok());
  EXPECT_FALSE(answer_.changed());
  EXPECT_EQ(answer_.revision(), 1);
  EXPECT_EQ(answer_.results(0).action(), ApplyResponse::UNCHANGED);
  EXPECT_THAT(published_, ElementsAre(0, 1));
}

TEST_F(RegistryTest, AStaleVersionIsAConflictAndNothingOfTheFileIsApplied) {
  ASSERT_TRUE(Apply(ServiceText("web", 80)).ok());
  const std::string old = VersionOf("web");
  ASSERT_TRUE(Apply(ServiceText("web", 81, old)).ok());
  const absl::Status stale = Apply(ServiceText("api", 80) + ServiceText("web", 82, old));
  EXPECT_EQ(stale.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(stale.message()), HasSubstr("metadata.resourceVersion"));
  EXPECT_EQ(PortOf("web"), 81);
  EXPECT_THAT(Names(), ElementsAre("web"));
  EXPECT_EQ(Delete("web", old).code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(Delete("web", VersionOf("web")).ok());
}

// What `weft get -o yaml` wrote carries versions, which another store does not know.
TEST_F(RegistryTest, AVersionOfAnObjectThatIsNotThereIsNoConflict) {
  EXPECT_TRUE(Apply(ServiceText("web", 83, "2")).ok());
  EXPECT_EQ(PortOf("web"), 83);
  EXPECT_TRUE(Apply(ServiceText("api", 80, "of-kubernetes")).ok());
  const absl::Status other = Apply(ServiceText("api", 81, "of-kubernetes"));
  EXPECT_EQ(other.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(other.message()), HasSubstr("of-kubernetes is stale: the object is at 2 now"));
  EXPECT_EQ(PortOf("api"), 80);
}

TEST_F(RegistryTest, TheMeshConfigIsTheMeshsWhateverTheNamespaceOfTheCaller) {
  weft::v1::ApplyRequest request;
  request.add_manifests()->set_text("apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {}\n");
  request.set_default_namespace("shop");
  const absl::Status applied = registry_->Apply(kAnn, request, kNow, &answer_);
  ASSERT_TRUE(applied.ok()) << applied;
  EXPECT_EQ(answer_.results(0).key().namespace_(), model::kMeshNamespace);
  weft::v1::GetRequest wanted;
  wanted.set_kind("meshconfig");
  wanted.set_namespace_("shop");
  wanted.set_name("default");
  weft::v1::Object object;
  EXPECT_TRUE(registry_->Get(wanted, &object).ok());
}

// One conflict made the policy look as if it did nothing, though it shaped its other targets.
TEST_F(RegistryTest, APolicyIsAcceptedOrNotForEachTarget) {
  const auto policy = [](const std::string& name, const std::string& targets) {
    return absl::StrCat("apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: ", name,
                        "}\nspec:\n  targetRefs: [", targets,
                        "]\n  validation: {wellKnownCACertificates: System, hostname: a.example}\n---\n");
  };
  const std::string web = "{group: '', kind: Service, name: web}", api = "{group: '', kind: Service, name: api}";
  ASSERT_TRUE(Apply(ServiceText("web", 80) + ServiceText("api", 80) + policy("a", web)).ok());
  const absl::Status applied = Apply(policy("b", api + ", " + web));
  ASSERT_TRUE(applied.ok()) << applied;
  weft::v1::GetRequest wanted;
  wanted.set_kind("backendtlspolicy");
  wanted.set_name("b");
  weft::v1::Object object;
  ASSERT_TRUE(registry_->Get(wanted, &object).ok());
  const auto& ancestors = object.backend_tls_policy().status().ancestors();
  ASSERT_EQ(ancestors.size(), 2);
  const char* reasons[] = {"Accepted", "Conflicted"};
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(ancestors[i].conditions_size(), 2);
    EXPECT_EQ(ancestors[i].conditions(0).type(), "Accepted");
    EXPECT_EQ(ancestors[i].conditions(0).reason(), reasons[i]);
    EXPECT_EQ(ancestors[i].conditions(1).reason(), "ResolvedRefs");
  }
}

TEST_F(RegistryTest, ATimeoutWithoutAUnitIsToldWhichToWrite) {
  const absl::Status refused = Apply(
      "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec:\n"
      "  parentRefs: [{kind: Service, group: weft.dev, name: web, port: 80}]\n  rules:\n  - timeouts: {request: 10}\n");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("timeouts.request"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("write 10s for seconds"));
}

TEST_F(RegistryTest, ARollbackBeyondTheHistorySaysWhichIsTheOldest) {
  for (int port = 1; port <= 5; ++port) ASSERT_TRUE(Apply(ServiceText("web", port)).ok());
  ASSERT_TRUE(store_->Prune({.revisions = 2, .age = absl::Hours(1)}, kNow + absl::Hours(2)).ok());
  const absl::Status refused = Rollback(3);
  EXPECT_EQ(refused.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("revision 3 is no longer kept; the oldest is 4"));
  ASSERT_TRUE(Rollback(4).ok());
  EXPECT_EQ(PortOf("web"), 4);
}

TEST_F(RegistryTest, ADryRunSaysWhatWouldBeAndChangesNothing) {
  ASSERT_TRUE(Apply(ServiceText("web", 80), /*dry_run=*/true).ok());
  EXPECT_TRUE(answer_.dry_run());
  EXPECT_EQ(answer_.results(0).action(), ApplyResponse::CREATED);
  EXPECT_EQ(answer_.revision(), 0);
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(published_, ElementsAre(0));
  EXPECT_EQ(store_->CurrentRevision().value_or(-1), 0);
  EXPECT_FALSE(Apply(ServiceText("web", 0), /*dry_run=*/true).ok());
}

TEST_F(RegistryTest, RollbackMakesAndDeletesAndIsARevisionOfItsOwn) {
  ASSERT_TRUE(Apply(ServiceText("web", 80) + ServiceText("gone", 70)).ok());
  const std::string address = Get("gone")->service().status().addresses(0);
  ASSERT_TRUE(Apply(ServiceText("web", 81) + ServiceText("api", 90)).ok());
  ASSERT_TRUE(Delete("gone").ok());
  ASSERT_TRUE(Rollback(1).ok());
  EXPECT_EQ(answer_.revision(), 4);
  EXPECT_THAT(Names(), ElementsAre("gone", "web"));
  EXPECT_EQ(PortOf("web"), 80);
  EXPECT_EQ(PortOf("web", 3), 81);
  EXPECT_EQ(Get("gone")->service().status().addresses(0), address);
  EXPECT_THAT(published_, ElementsAre(0, 1, 2, 3, 4));
  ASSERT_TRUE(Rollback(4).ok());
  EXPECT_FALSE(answer_.changed());
  EXPECT_EQ(Rollback(99).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Rollback(0).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RegistryTest, WhatIsNotThereCannotBeDeletedUnlessThatIsIgnored) {
  const absl::Status missing = Delete("web");
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("Service/default/web"));
  ASSERT_TRUE(Delete("web", "", /*ignore_not_found=*/true).ok());
  EXPECT_FALSE(answer_.changed());
  EXPECT_EQ(registry_->Delete(kAnn, {}, kNow, &answer_).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RegistryTest, AFileThatDoesNotReadDeletesNothingOfIt) {
  ASSERT_TRUE(Apply(ServiceText("web", 80)).ok());
  weft::v1::DeleteRequest request;
  request.add_manifests()->set_text(ServiceText("web", 80) + "kind: [\n");
  const absl::Status refused = registry_->Delete(kAnn, request, kNow, &answer_);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("<input>:"));
  EXPECT_THAT(Names(), ElementsAre("web"));
}

TEST_F(RegistryTest, AWatchSeesEveryChangeInOrderAndOnlyOfItsKinds) {
  ASSERT_TRUE(Apply(ServiceText("web", 80)).ok());
  weft::v1::WatchRequest all, routes;
  routes.add_kinds("HTTPRoute");
  EXPECT_THAT(Lines(registry_->Present(all)), ElementsAre("ADDED web 1", "BOOKMARK 1"));
  ASSERT_TRUE(Apply(ServiceText("web", 81) + ServiceText("api", 80)).ok());
  ASSERT_TRUE(Delete("web").ok());
  EXPECT_THAT(Lines(*registry_->EventsAfter(1, all, absl::ZeroDuration())),
              ElementsAre("ADDED api 2", "MODIFIED web 2", "DELETED web 3", "BOOKMARK 3"));
  EXPECT_THAT(Lines(*registry_->EventsAfter(1, routes, absl::ZeroDuration())), ElementsAre("BOOKMARK 3"));
  EXPECT_THAT(*registry_->EventsAfter(3, all, absl::ZeroDuration()), IsEmpty());
}

TEST_F(RegistryTest, PagesJoinToTheWholeList) {
  ASSERT_TRUE(Apply(ServiceText("a", 80) + ServiceText("b", 80) + ServiceText("c", 80)).ok());
  weft::v1::ListRequest request;
  request.set_page_size(2);
  weft::v1::ListResponse first, second;
  ASSERT_TRUE(registry_->List(request, &first).ok());
  EXPECT_EQ(first.objects_size(), 2);
  request.set_page_token(first.next_page_token());
  ASSERT_TRUE(registry_->List(request, &second).ok());
  ASSERT_EQ(second.objects_size(), 1);
  EXPECT_EQ(second.objects(0).service().metadata().name(), "c");
  EXPECT_EQ(second.next_page_token(), "");
}

}  // namespace
}  // namespace weft::control::api
