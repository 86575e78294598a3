// How much of a bare gRPC stream's speed uploads and downloads keep. The bare service counts the
// bytes of the same messages and does nothing else, or hashes them, too, which whoever verifies a
// digest must; ours hashes, writes, syncs and publishes, or reads. Writing and syncing such a file
// and nothing else is timed as well: no durable upload is faster than the disk. All servers and
// their clients run in this process, in turn, so that the machine's moods meet all; medians of
// several runs count.
//
//   transfer_load FOLDER [MIB_PER_RUN] [RUNS]
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/digest.h"
#include "common/random.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "server/blob/local_dir/local_dir_blob_stores.h"
#include "server/rpc/rpc_server.h"
#include "server/store/memory/memory_job_store.h"

namespace quantd {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
constexpr int kMessageBytesMax = 64 << 20;
constexpr char kParent[] = "tenants/team";

using Stub = v1::ArtifactService::Stub;

// Takes what is sent and sends what is wanted, without a look at it.
class BareService final : public v1::ArtifactService::Service {
 public:
  explicit BareService(bool hashes) : hashes_(hashes) {}

  grpc::Status WriteBlob(grpc::ServerContext*, grpc::ServerReader<v1::WriteBlobRequest>* reader,
                         v1::WriteBlobResponse* response) override {
    v1::WriteBlobRequest message;
    int64_t bytes = 0;
    Sha256 hash;
    while (reader->Read(&message)) {
      bytes += static_cast<int64_t>(message.data().size());
      if (hashes_) hash.Update(message.data());
    }
    response->set_committed_bytes(bytes);
    return grpc::Status::OK;
  }

  // The digest is not asked for; the limit is how much is sent.
  grpc::Status ReadBlob(grpc::ServerContext*, const v1::ReadBlobRequest* request,
                        grpc::ServerWriter<v1::ReadBlobResponse>* writer) override {
    v1::ReadBlobResponse chunk;
    chunk.set_data(std::string(kChunkBytes, 'x'));
    for (int64_t sent = 0; sent < request->limit(); sent += kChunkBytes) {
      if (!writer->Write(chunk)) break;
    }
    return grpc::Status::OK;
  }

 private:
  const bool hashes_;
};

struct BareServer {
  BareService service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;

  explicit BareServer(bool hashes) : service(hashes) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(kMessageBytesMax);
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
    QUANTD_CHECK(server != nullptr);
  }
};

struct OurServer {
  SystemClock clock;
  UlidSource ids{&clock};
  ChangeSignal signal;
  Metrics metrics;
  MemoryJobStore store;
  PosixFileSystem files;
  std::unique_ptr<LocalDirBlobStores> blobs;
  TenantRegistry tenants{&store, TenantLimits()};
  CatalogueRegistry catalogues{&store, &clock};
  std::unique_ptr<ArtifactRegistry> artifacts;
  std::unique_ptr<JobQueue> queue;
  std::unique_ptr<RpcServer> server;

  explicit OurServer(const std::string& folder) {
    auto opened = LocalDirBlobStores::Open(&files, &clock, folder);
    QUANTD_CHECK(opened.ok());
    blobs = *std::move(opened);
    artifacts = std::make_unique<ArtifactRegistry>(&store, blobs.get(), &clock, &ids);
    queue = std::make_unique<JobQueue>(QueueOptions(), &store, blobs.get(), &clock, &ids, &signal);
    auto started = RpcServer::Start({.listen = "127.0.0.1:0"}, {.queue = queue.get(),
                                                                .catalogues = &catalogues,
                                                                .artifacts = artifacts.get(),
                                                                .blobs = blobs.get(),
                                                                .tenants = &tenants,
                                                                .signal = &signal,
                                                                .metrics = &metrics,
                                                                .clock = &clock});
    QUANTD_CHECK(started.ok());
    server = *std::move(started);
  }
};

std::unique_ptr<Stub> Connect(int port) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  return v1::ArtifactService::NewStub(grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials(), arguments));
}

void Upload(Stub& stub, const std::string& bytes, const std::string& digest) {
  grpc::ClientContext context;
  v1::WriteBlobResponse response;
  const auto writer = stub.WriteBlob(&context, &response);
  v1::WriteBlobRequest message;
  message.set_parent(kParent);
  message.set_digest(digest);
  message.set_size_bytes(static_cast<int64_t>(bytes.size()));
  message.set_upload_id("bench");
  for (size_t offset = 0; offset < bytes.size(); offset += kChunkBytes) {
    message.set_offset(static_cast<int64_t>(offset));
    message.mutable_data()->assign(bytes, offset, kChunkBytes);
    message.set_finish(offset + kChunkBytes >= bytes.size());
    QUANTD_CHECK(writer->Write(message));
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
  QUANTD_CHECK(status.ok() && response.committed_bytes() == static_cast<int64_t>(bytes.size()));
}

void Download(Stub& stub, size_t size_bytes, const std::string& digest) {
  v1::ReadBlobRequest request;
  request.set_parent(kParent);
  request.set_digest(digest);
  request.set_limit(static_cast<int64_t>(size_bytes));
  grpc::ClientContext context;
  const auto reader = stub.ReadBlob(&context, request);
  v1::ReadBlobResponse chunk;
  size_t got = 0;
  while (reader->Read(&chunk)) got += chunk.data().size();
  QUANTD_CHECK(reader->Finish().ok() && got == size_bytes);
}

// The file of an upload, written as the store writes it, without an upload.
void WriteAndSync(const std::string& path, const std::string& bytes) {
  PosixFileSystem files;
  const std::unique_ptr<File> file = files.OpenForWriting(path).value();
  for (size_t offset = 0; offset < bytes.size(); offset += kChunkBytes) {
    const absl::string_view chunk = absl::string_view(bytes).substr(offset, kChunkBytes);
    QUANTD_CHECK(file->Write(static_cast<int64_t>(offset), chunk).value() == chunk.size());
    file->BeginSync(static_cast<int64_t>(offset), static_cast<int64_t>(chunk.size()));
  }
  QUANTD_CHECK(file->Sync().ok());
}

double Seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void PrintRow(const char* what, const char* baseline, double mib, const std::vector<double>& bare,
              const std::vector<double>& ours) {
  const double bare_speed = mib / Median(bare), our_speed = mib / Median(ours);
  std::printf("%-8s  %6.0f MiB/s, %-24s %6.0f MiB/s, ratio %.2f\n", what, our_speed, baseline,
              bare_speed, our_speed / bare_speed);
}

void Run(const std::string& folder, int mib, int runs) {
  PosixFileSystem files;
  BareServer bare(false), hashing(true);
  OurServer ours(folder);
  const std::unique_ptr<Stub> bare_stub = Connect(bare.port), hashing_stub = Connect(hashing.port),
                              our_stub = Connect(ours.server->port());
  std::string bytes(static_cast<size_t>(mib) << 20, '\0');
  Random random(1);
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  std::vector<double> bare_up, hashed_up, our_up, disk_up, bare_down, our_down;
  // The first round warms up and does not count.
  for (int run = 0; run <= runs; ++run) {
    bytes[0] = static_cast<char>(run);  // Another blob each time.
    const std::string digest = Sha256Hex(bytes);
    const double seconds[] = {Seconds([&] { Upload(*bare_stub, bytes, digest); }),
                              Seconds([&] { Upload(*hashing_stub, bytes, digest); }),
                              Seconds([&] { Upload(*our_stub, bytes, digest); }),
                              Seconds([&] { WriteAndSync(folder + "/alone", bytes); }),
                              Seconds([&] { Download(*bare_stub, bytes.size(), digest); }),
                              Seconds([&] { Download(*our_stub, bytes.size(), digest); })};
    QUANTD_CHECK(ours.blobs->Of("team")->Delete(digest).ok());
    QUANTD_CHECK(files.RemoveFile(folder + "/alone").ok());
    if (run == 0) continue;
    std::vector<double>* const columns[] = {&bare_up, &hashed_up, &our_up,
                                            &disk_up, &bare_down, &our_down};
    for (size_t i = 0; i < std::size(columns); ++i) columns[i]->push_back(seconds[i]);
  }
  std::printf("%d MiB a run in messages of 1 MiB, medians of %d runs\n", mib, runs);
  PrintRow("upload", "bare", mib, bare_up, our_up);
  PrintRow("upload", "bare with SHA-256", mib, hashed_up, our_up);
  PrintRow("upload", "the disk alone", mib, disk_up, our_up);
  PrintRow("download", "bare", mib, bare_down, our_down);
}

}  // namespace
}  // namespace quantd

int main(int argc, char** argv) {
  int mib = 256, runs = 9;
  if (argc < 2 || argc > 4 || (argc > 2 && !absl::SimpleAtoi(argv[2], &mib)) ||
      (argc > 3 && !absl::SimpleAtoi(argv[3], &runs)) || mib < 1 || runs < 1) {
    std::fprintf(stderr, "usage: transfer_load FOLDER [MIB_PER_RUN] [RUNS]\n");
    return 2;
  }
  quantd::Run(argv[1], mib, runs);
  return 0;
}
