// How fast the queue is on SQLite.
//
// usage: queue_load [FOLDER [JOBS]]
//
// The databases are made in a new folder within FOLDER (the system's temporary one by default): on
// a disk the figures of the first part are those of its synchronization, in memory (/dev/shm) those
// of the processor.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/queue/queue_bench.h"

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const int jobs = argc > 2 ? std::atoi(argv[2]) : 200;
  std::string folder = parent + "/queue_load_XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr || jobs < 1) {
    std::fprintf(stderr, "usage: queue_load [FOLDER [JOBS]]\n");
    return 2;
  }
  const absl::Cleanup remove = [&] { std::filesystem::remove_all(folder); };
  std::printf("enqueue, lease and complete, one job after the other\n");
  quantd::bench::MeasureThroughput(folder, jobs);
  std::printf("lease, by the number of rows\n");
  quantd::bench::MeasureLease(folder);
  return 0;
}
