// What the server does around its services: names, health, reflection, errors, shutdown.
#include "server/rpc/rpc_server.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using testing::HasReason;
using testing::NamesField;
using testing::RunningServer;
using testing::StatusIs;

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const ServiceDescriptor* service : ApiServices()) {
    for (int m = 0; m < service->method_count(); ++m) methods.push_back(service->method(m));
  }
  return methods;
}

// The fields of a request that hold resource names.
std::vector<const FieldDescriptor*> NameFields(const MethodDescriptor& method) {
  std::vector<const FieldDescriptor*> fields;
  for (const char* name : {"parent", "name", "job", "baseline", "candidate"}) {
    const FieldDescriptor* field = method.input_type()->FindFieldByName(name);
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_STRING) fields.push_back(field);
  }
  return fields;
}

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

class RpcServerTest : public testing::ServerTest {
 protected:
  grpc::health::v1::HealthCheckResponse::ServingStatus Health(const std::string& service) {
    const auto health = grpc::health::v1::Health::NewStub(server_.channel);
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_TRUE(health->Check(&context, request, &response).ok());
    return response.status();
  }
};

TEST_F(RpcServerTest, EveryMethodThatTakesANameRefusesABadOneByItsField) {
  const std::set<std::string> kWithoutNames = {"ListMethods", "ListPresets",   "DescribeMethod",
                                               "LeaseJob",    "UpdateTenant",  "GetServerState",
                                               "SetPaused",   "CollectGarbage"};
  const std::string job = server_.FinishJob().name();
  for (const MethodDescriptor* method : AllMethods()) {
    SCOPED_TRACE(method->full_name());
    const std::vector<const FieldDescriptor*> fields = NameFields(*method);
    EXPECT_EQ(fields.empty(), kWithoutNames.contains(method->name()));
    for (const FieldDescriptor* bad : fields) {
      const std::unique_ptr<google::protobuf::Message> request(
          google::protobuf::MessageFactory::generated_factory()
              ->GetPrototype(method->input_type())
              ->New());
      for (const FieldDescriptor* field : fields) {
        request->GetReflection()->SetString(request.get(), field,
                                            field == bad ? "tenants//jobs/x" : job);
      }
      // An outcome, so that only the name is wrong.
      if (auto* complete = dynamic_cast<v1::CompleteJobRequest*>(request.get())) {
        complete->set_cancelled(true);
      }
      const auto refused = server_.CallRaw(PathOf(*method), request->SerializeAsString());
      EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
      EXPECT_THAT(refused, HasReason("INVALID_NAME"));
      EXPECT_THAT(refused, NamesField(bad->name()));
    }
  }
}

TEST_F(RpcServerTest, EveryMethodIsServed) {
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_THAT(server_.CallRaw(PathOf(*method), ""),
                ::testing::Not(StatusIs(absl::StatusCode::kUnimplemented)))
        << method->full_name();
  }
}

TEST_F(RpcServerTest, AnErrorCarriesTheStandardDetailsThatOtherClientsDecode) {
  grpc::ClientContext context;
  v1::GetJobRequest request;
  request.set_name("tenants/team/jobs/none");
  v1::Job response;
  const grpc::Status status = server_.jobs->GetJob(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "there is no job tenants/team/jobs/none");
  EXPECT_THAT(status.error_details(), ::testing::HasSubstr("google.rpc.ErrorInfo"));
  EXPECT_THAT(status.error_details(), ::testing::HasSubstr("JOB_NOT_FOUND"));
}

TEST_F(RpcServerTest, BytesThatAreNoMessageAreRefusedAndTheServerGoesOn) {
  EXPECT_FALSE(server_.CallRaw("/quantd.v1.JobService/GetJob", "\xff\xff\xff\xff").ok());
  server_.CreateJob();
}

TEST_F(RpcServerTest, HealthIsServedUntilItStops) {
  using grpc::health::v1::HealthCheckResponse;
  EXPECT_EQ(Health(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(Health("quantd.v1.JobService"), HealthCheckResponse::SERVING);
  server_.server->StopServing();
  EXPECT_EQ(Health(""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Health("quantd.v1.JobService"), HealthCheckResponse::NOT_SERVING);
  // Calls go on.
  server_.CreateJob();
}

TEST_F(RpcServerTest, ReflectionListsTheServices) {
  // ServerReflectionRequest{list_services: ""}: field 7, of no bytes.
  ASSERT_OK_AND_ASSIGN(
      const std::string answer,
      server_.CallRaw("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                      std::string("\x3a\x00", 2)));
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_THAT(answer, ::testing::HasSubstr(method->service()->full_name()));
  }
  EXPECT_THAT(answer, ::testing::HasSubstr("grpc.health.v1.Health"));
}

TEST_F(RpcServerTest, APortThatIsTakenIsReported) {
  const std::string address = absl::StrCat("127.0.0.1:", server_.server->port());
  const RpcServer::Parts parts{.queue = &server_.parts.queue,
                               .catalogues = &server_.parts.catalogues,
                               .artifacts = &server_.parts.artifacts,
                               .blobs = &server_.parts.blobs,
                               .tenants = &server_.parts.tenants,
                               .signal = &server_.parts.signal,
                               .metrics = &server_.parts.metrics,
                               .clock = &clock_};
  const auto second = RpcServer::Start({.listen = address}, parts);
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr(address)));
  EXPECT_THAT(second, HasReason("CANNOT_LISTEN"));
}

TEST_F(RpcServerTest, AfterShutdownNobodyIsServedAndShuttingDownAgainIsFine) {
  server_.CreateJob();
  server_.server->Shutdown(absl::ZeroDuration());
  server_.server->Shutdown(absl::ZeroDuration());
  v1::GetJobRequest request;
  request.set_name("tenants/team/jobs/id-000001");
  EXPECT_THAT(RunningServer::Call(*server_.jobs, &v1::JobService::Stub::GetJob, request),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(RpcServerTest, ShutdownCancelsWhoStillWatchesWhenItsGraceIsOver) {
  v1::WatchJobRequest request;
  request.set_name(server_.CreateJob().name());
  grpc::ClientContext context;
  const auto reader = server_.jobs->WatchJob(&context, request);
  v1::JobEvent event;
  ASSERT_TRUE(reader->Read(&event));
  server_.server->Shutdown(absl::ZeroDuration());
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_FALSE(reader->Finish().ok());
}

}  // namespace
}  // namespace quantd
