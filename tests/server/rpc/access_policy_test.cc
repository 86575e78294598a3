#include "server/rpc/access_policy.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include "gmock/gmock.h"
#include "quantd/v1/access.pb.h"
#include "quantd/v1/admin.pb.h"
#include "quantd/v1/quality.pb.h"
#include "server/rpc/rpc_server.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::StatusIs;

class AccessPolicyTest : public ::testing::Test {
 protected:
  // A service with one method, whose request has the fields parent, number and list.
  absl::StatusOr<AccessPolicy> PolicyWith(const v1::Access* access) {
    google::protobuf::FileDescriptorProto file;
    file.set_name("made_up.proto");
    auto* request = file.add_message_type();
    request->set_name("Request");
    const auto add_field = [&](const char* name, int number, auto type, auto label) {
      auto* field = request->add_field();
      field->set_name(name);
      field->set_number(number);
      field->set_type(type);
      field->set_label(label);
    };
    using Field = google::protobuf::FieldDescriptorProto;
    add_field("parent", 1, Field::TYPE_STRING, Field::LABEL_OPTIONAL);
    add_field("number", 2, Field::TYPE_INT32, Field::LABEL_OPTIONAL);
    add_field("list", 3, Field::TYPE_STRING, Field::LABEL_REPEATED);
    auto* service = file.add_service();
    service->set_name("Service");
    auto* method = service->add_method();
    method->set_name("Do");
    method->set_input_type("Request");
    method->set_output_type("Request");
    if (access != nullptr) {
      *method->mutable_options()->MutableExtension(v1::access) = *access;
    }
    pool_ = std::make_unique<google::protobuf::DescriptorPool>();
    return AccessPolicy::Make({pool_->BuildFile(file)->service(0)});
  }

  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
};

TEST_F(AccessPolicyTest, AMethodThatSaysNothingIsAnError) {
  EXPECT_THAT(std::string(PolicyWith(nullptr).status().message()),
              HasSubstr("does not say who may call it"));
  v1::Access access;
  EXPECT_THAT(PolicyWith(&access), StatusIs(absl::StatusCode::kInternal));
  access.add_roles(v1::ROLE_UNSPECIFIED);
  EXPECT_THAT(PolicyWith(&access), StatusIs(absl::StatusCode::kInternal));
  access.add_roles(v1::READ);
  EXPECT_OK(PolicyWith(&access));
}

TEST_F(AccessPolicyTest, AResourceMustBeASingleTextOfTheRequest) {
  for (const char* wrong : {"", "name", "number", "list", "parent.name", "parent."}) {
    v1::Access access;
    access.add_roles(v1::READ);
    access.add_resources(wrong);
    EXPECT_THAT(PolicyWith(&access), StatusIs(absl::StatusCode::kInternal)) << wrong;
  }
}

TEST_F(AccessPolicyTest, TheTenantsOfARequestAreThoseOfAllItsResources) {
  ASSERT_OK_AND_ASSIGN(const AccessPolicy policy, AccessPolicy::Make(ApiServices()));
  v1::CompareJobsRequest compare;
  compare.set_baseline("tenants/a/jobs/1");
  compare.set_candidate("tenants/b/jobs/2");
  EXPECT_THAT(AccessPolicy::TenantsOf(policy.RuleOf("QualityService/CompareJobs"), compare).value(),
              ElementsAre("a", "b"));
  compare.set_candidate("jobs/2");
  EXPECT_THAT(AccessPolicy::TenantsOf(policy.RuleOf("QualityService/CompareJobs"), compare),
              HasReason("INVALID_NAME"));
  v1::UpdateTenantRequest update;
  update.mutable_tenant()->set_name("tenants/c");
  EXPECT_THAT(AccessPolicy::TenantsOf(policy.RuleOf("AdminService/UpdateTenant"), update).value(),
              ElementsAre("c"));
}

TEST(AccessPolicyCheck, OneMissingTenantOfSeveralIsEnoughToRefuse) {
  const AccessPolicy::Rule rule{.roles = {Role::kRead}};
  const Caller caller{.tenant = "a", .roles = {Role::kRead}};
  EXPECT_OK(AccessPolicy::Check(rule, caller, {"a", "a"}));
  EXPECT_THAT(AccessPolicy::Check(rule, caller, {"a", "b"}), HasReason("PERMISSION_DENIED"));
  EXPECT_THAT(AccessPolicy::Check(rule, caller, {kEveryTenant}), HasReason("PERMISSION_DENIED"));
}

}  // namespace
}  // namespace quantd
