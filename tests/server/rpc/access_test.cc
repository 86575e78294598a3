// Who may call what, for every method of every service, from their descriptors: a method that is
// added later is tested without anybody's doing.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <regex>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "quantd/v1/access.pb.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using testing::RunningServer;
using testing::StatusIs;

constexpr Role kRoles[] = {Role::kRead, Role::kSubmit, Role::kWorker, Role::kAdmin};

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

// "JobService_CreateJob".
std::string ShortName(const MethodDescriptor& method) {
  return absl::StrCat(method.service()->name(), "_", method.name());
}

// A server that asks for tokens, with a finished job of tenant "team".
class AccessTest : public ::testing::TestWithParam<const MethodDescriptor*> {
 protected:
  AccessTest() {
    // Made without the API, which asks for tokens.
    Submission submission{.tenant = "team", .spec = testing::SampleSpec().SerializeAsString()};
    submission.traits.work_digest = "work";
    job_ = server_.parts.queue.Submit(submission)->name.ToString();
    EXPECT_OK(server_.parts.queue.Cancel(ParseJobName(job_).value()));
    artifact_ = server_.parts.artifacts.Create("team", {}, {})->name.ToString();
    token_ =
        server_.parts.tokens.Create("team", {Role::kRead}, "", std::nullopt)->token.name.ToString();
  }

  const MethodDescriptor& method() const { return *GetParam(); }
  const v1::Access& access() const { return method().options().GetExtension(v1::access); }
  bool Allows(Role role) const {
    return std::count(access().roles().begin(), access().roles().end(),
                      v1::READ + static_cast<int>(role)) > 0;
  }

  std::string SecretOf(const std::string& tenant, Roles roles) {
    return server_.parts.tokens.Create(tenant, roles, "", std::nullopt)->secret;
  }

  // A request whose resource fields hold what `resource` says of their paths.
  std::string Request(const std::function<std::string(const std::string& path)>& resource) const {
    const std::unique_ptr<Message> request(google::protobuf::MessageFactory::generated_factory()
                                               ->GetPrototype(method().input_type())
                                               ->New());
    for (const std::string& path : access().resources()) {
      Message* message = request.get();
      std::string name = path;
      if (const size_t dot = path.find('.'); dot != std::string::npos) {
        name = path.substr(dot + 1);
        message = message->GetReflection()->MutableMessage(
            message, message->GetDescriptor()->FindFieldByName(path.substr(0, dot)));
      }
      message->GetReflection()->SetString(message, message->GetDescriptor()->FindFieldByName(name),
                                          resource(path));
    }
    return request->SerializeAsString();
  }

  // One whose resources are those of tenant "team", or such that are not there.
  std::string Request(bool existing) const {
    return Request([&](const std::string& path) {
      return existing ? Resource(path) : NotThere(Resource(path));
    });
  }

  // What a resource field of this method names.
  std::string Resource(const std::string& path) const {
    const std::string service = method().service()->name();
    if (path == "parent" || path == "tenant.name" || method().name() == "GetTenant") {
      return "tenants/team";
    }
    if (service == "ArtifactService") return artifact_;
    if (service == "AdminService") return token_;
    return job_;
  }

  static std::string NotThere(const std::string& resource) {
    const size_t slash = resource.rfind('/');
    // Of the tenant itself there is nothing that could be missing.
    return resource == "tenants/team" ? resource : resource.substr(0, slash) + "/nothing";
  }

  absl::Status Send(const std::string& request, const std::string& secret) {
    return server_
        .CallRaw(absl::StrCat("/", method().service()->full_name(), "/", method().name()), request,
                 secret.empty() ? "" : absl::StrCat("Bearer ", secret))
        .status();
  }
  absl::Status Call(bool existing, const std::string& secret) {
    return Send(Request(existing), secret);
  }

  // Refused, with the very same answer whether or not what the request names is there.
  void ExpectRefused(const std::string& secret, absl::StatusCode code) {
    const absl::Status answer = Call(true, secret);
    EXPECT_THAT(answer, StatusIs(code));
    EXPECT_EQ(Call(false, secret), answer) << answer;
  }

  testing::FakeClock clock_;
  RunningServer server_{&clock_, {.authenticate = true}};
  std::string job_, artifact_, token_;
};

TEST_P(AccessTest, WithoutAValidTokenNothingIsAnswered) {
  constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
  TokenRegistry& tokens = server_.parts.tokens;
  ExpectRefused("", kUnauthenticated);
  ExpectRefused("nonsense", kUnauthenticated);
  ExpectRefused(MakeSecret("id-000001"), kUnauthenticated);
  const NewToken revoked = tokens.Create("team", Roles::All(), "", std::nullopt).value();
  ASSERT_OK(tokens.Revoke(revoked.token.name).status());
  ExpectRefused(revoked.secret, kUnauthenticated);
  const NewToken expired =
      tokens.Create("team", Roles::All(), "", clock_.Now() + absl::Seconds(1)).value();
  const NewToken rotated = tokens.Create("team", Roles::All(), "", std::nullopt).value();
  ASSERT_OK(tokens.Rotate(rotated.token.name, absl::Seconds(1)).status());
  clock_.Advance(absl::Seconds(1));
  ExpectRefused(expired.secret, kUnauthenticated);
  ExpectRefused(rotated.secret, kUnauthenticated);
}

TEST_P(AccessTest, AnotherTenantsTokenIsRefused) {
  if (access().resources().empty()) GTEST_SKIP() << "concerns no tenant";
  ExpectRefused(SecretOf("others", Roles::All()), absl::StatusCode::kPermissionDenied);
}

TEST_P(AccessTest, OneNameOfAnotherTenantAmongOnesOwnIsRefused) {
  const std::string secret = SecretOf("others", Roles::All());
  for (const std::string& foreign : access().resources()) {
    SCOPED_TRACE(foreign);
    const std::string request = Request([&](const std::string& path) {
      return path == foreign
                 ? Resource(path)
                 : absl::StrReplaceAll(Resource(path), {{"tenants/team", "tenants/others"}});
    });
    EXPECT_THAT(Send(request, secret), StatusIs(absl::StatusCode::kPermissionDenied));
  }
}

// A field that names something and is not declared would be a way around all of the above.
TEST_P(AccessTest, EveryFieldThatNamesSomethingIsDeclared) {
  const std::set<std::string> names = {"name",       "names",  "parent",   "job",       "artifact",
                                       "token_name", "tenant", "baseline", "candidate", "resource"};
  // The server's to fill in, or (of a lease) checked against the other ones by the handler:
  // blob_lease_test.cc.
  const std::set<std::string> exempt = {"job.name",     "job.artifact", "artifact.name",
                                        "artifact.job", "token.name",   "lease.job"};
  std::set<std::string> declared(access().resources().begin(), access().resources().end());
  const auto look = [&](const google::protobuf::Descriptor& type, const std::string& prefix) {
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      const std::string path = prefix + field.name();
      if (field.type() != FieldDescriptor::TYPE_STRING || !names.contains(field.name())) continue;
      EXPECT_TRUE(declared.contains(path) || exempt.contains(path)) << path;
    }
  };
  const auto& request = *method().input_type();
  look(request, "");
  for (int i = 0; i < request.field_count(); ++i) {
    const FieldDescriptor& field = *request.field(i);
    if (field.type() == FieldDescriptor::TYPE_MESSAGE && !field.is_repeated()) {
      look(*field.message_type(), field.name() + ".");
    }
  }
}

TEST_P(AccessTest, EachWrongRoleIsRefusedAndEachRightOneIsNot) {
  for (const Role role : kRoles) {
    SCOPED_TRACE(ToText(role));
    const std::string every = SecretOf(kEveryTenant, {role});
    const std::string own = SecretOf("team", {role});
    if (!Allows(role)) {
      ExpectRefused(own, absl::StatusCode::kPermissionDenied);
      ExpectRefused(every, absl::StatusCode::kPermissionDenied);
      continue;
    }
    if (access().server_wide()) ExpectRefused(own, absl::StatusCode::kPermissionDenied);
    for (const std::string& secret : {access().server_wide() ? every : own, every}) {
      const absl::Status answer = Call(false, secret);
      EXPECT_FALSE(absl::IsUnauthenticated(answer) || absl::IsPermissionDenied(answer) ||
                   absl::IsUnimplemented(answer))
          << answer;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryMethod, AccessTest, ::testing::ValuesIn(AllMethods()),
                         [](const auto& method) { return ShortName(*method.param); });

// A service that the server serves but ApiServices() does not name would escape the tests above.
TEST(ApiServices, AreAllThatTheProtoFilesDeclare) {
  std::set<std::string> declared, known;
  const std::regex service(R"(^service (\w+))");
  for (const auto& file :
       std::filesystem::directory_iterator(absl::StrCat(QUANTD_SOURCE_DIR, "/proto/quantd/v1"))) {
    std::ifstream in(file.path());
    std::smatch match;
    for (std::string line; std::getline(in, line);) {
      if (std::regex_search(line, match, service)) declared.insert(match[1]);
    }
  }
  for (const auto* one : ApiServices()) known.insert(one->name());
  EXPECT_EQ(known, declared);
}

}  // namespace
}  // namespace quantd
