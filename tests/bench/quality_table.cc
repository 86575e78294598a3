// Measures what quantization costs: quantizes each model with each W8A8 preset through the same
// code as a worker, and prints one Markdown table. Data that has no licence to be copied is passed
// in.
#include <getopt.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "tests/bench/models.h"
#include "tests/bench/run_fold.h"
#include "tests/bench/table.h"

namespace quantd::bench {
namespace {

constexpr char kHelp[] =
    "usage: quality_table [flags]\n"
    "  --models DIR       the .onnx files (default: tests/data/models of the source tree)\n"
    "  --fashion DIR      Fashion-MNIST (default: /usr/share/datasets/fashion-mnist)\n"
    "  --mnist DIR        digits written by mnist_digits.js\n"
    "  --cifar DIR        CIFAR-10 test images, CLASS/NAME.jpg\n"
    "  --imagenet DIR     224x224 ImageNet crops, CLASSINDEX_NAME.jpg\n"
    "  --vit-rows N       Fashion-MNIST test images that evaluate (default: all 10,000)\n"
    "  --calibration N    rows that calibrate, where there are as many (default: 256)\n"
    "  --only MODEL       this model only\n"
    "  --preset PRESET    this preset only\n"
    "  --keep DIR         keep artifacts and inputs there, for check_rows.js\n"
    "  --threads N        (default: 2)\n";

struct Flags {
  ModelOptions models{.models = QUANTD_TEST_DATA "/models",
                      .fashion = "/usr/share/datasets/fashion-mnist"};
  std::vector<std::string> presets = {"w8a8-minmax", "w8a8-percentile", "w8a8-mse", "w8a8-entropy"};
  std::string only;
  std::string keep;
  int threads = 2;
};

// False for flags that make no sense.
bool ParseFlags(int argc, char** argv, Flags& flags) {
  constexpr int kArgument = required_argument;
  const option options[] = {
      {"models", kArgument, nullptr, 'm'},      {"fashion", kArgument, nullptr, 'f'},
      {"mnist", kArgument, nullptr, 'd'},       {"cifar", kArgument, nullptr, 'c'},
      {"imagenet", kArgument, nullptr, 'i'},    {"vit-rows", kArgument, nullptr, 'v'},
      {"calibration", kArgument, nullptr, 'n'}, {"only", kArgument, nullptr, 'o'},
      {"preset", kArgument, nullptr, 'p'},      {"keep", kArgument, nullptr, 'k'},
      {"threads", kArgument, nullptr, 't'},     {nullptr, 0, nullptr, 0}};
  ModelOptions& models = flags.models;
  bool numbers = true;
  int letter;
  while ((letter = getopt_long(argc, argv, "", options, nullptr)) != -1) {
    switch (letter) {
      case 'm':
        models.models = optarg;
        break;
      case 'f':
        models.fashion = optarg;
        break;
      case 'd':
        models.mnist = optarg;
        break;
      case 'c':
        models.cifar = optarg;
        break;
      case 'i':
        models.imagenet = optarg;
        break;
      case 'v':
        numbers = numbers && absl::SimpleAtoi(optarg, &models.vit_rows);
        break;
      case 'n':
        numbers = numbers && absl::SimpleAtoi(optarg, &models.calibration_rows);
        break;
      case 'o':
        flags.only = optarg;
        break;
      case 'p':
        flags.presets = {optarg};
        break;
      case 'k':
        flags.keep = optarg;
        break;
      case 't':
        numbers = numbers && absl::SimpleAtoi(optarg, &flags.threads);
        break;
      default:
        return false;
    }
  }
  return numbers && optind == argc && flags.threads >= 1;
}

absl::Status PrintModel(const Flags& flags, const BenchModel& model) {
  if (!model.skipped.empty()) {
    std::printf("| %s | skipped: %s |\n", model.name.c_str(), model.skipped.c_str());
    return absl::OkStatus();
  }
  for (const std::string& preset : flags.presets) {
    std::vector<FoldResult> results;
    for (size_t i = 0; i < model.folds.size(); ++i) {
      const std::string keep =
          flags.keep.empty() ? "" : absl::StrCat(flags.keep, "/", model.name, "/fold", i);
      ASSIGN_OR_RETURN(FoldResult result,
                       RunFold(model, model.folds[i], preset, keep, flags.threads));
      results.push_back(std::move(result));
    }
    ASSIGN_OR_RETURN(const std::string line, TableLine(model, preset, results, flags.threads));
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Flags flags;
  if (!ParseFlags(argc, argv, flags)) {
    std::fputs(kHelp, stderr);
    return 2;
  }
  ConfigureLog(LogLevel::kWarning, LogFormat::kText);
  absl::StatusOr<std::vector<BenchModel>> models = MakeModels(flags.models);
  absl::Status status = models.status();
  if (status.ok()) std::fputs(TableHeader().c_str(), stdout);
  for (size_t i = 0; status.ok() && i < models->size(); ++i) {
    const BenchModel& model = (*models)[i];
    if (flags.only.empty() || flags.only == model.name) status = PrintModel(flags, model);
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "quality_table: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace quantd::bench

int main(int argc, char** argv) { return quantd::bench::Main(argc, argv); }
