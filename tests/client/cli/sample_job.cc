#include "tests/client/cli/sample_job.h"

#include <google/protobuf/text_format.h>

#include "common/check.h"

namespace quantd::testing {

v1::Job SampleJob() {
  constexpr char kJob[] = R"pb(
    name: "tenants/default/jobs/j1"
    display_name: "vit"
    state: SUCCEEDED
    create_time { seconds: 1700000000 }
    start_time { seconds: 1700000005 }
    end_time { seconds: 1700000065 }
    spec { recipe { preset: "w8a8-mse" } }
    result {
      artifact: "tenants/default/artifacts/a1"
      report {
        model_name: "vit"
        recipe_summary: "int8 weights per channel, uint8 activations, mse"
        metrics {
          id: "top1_agreement"
          unit: "fraction"
          value: 0.996
          n: 2000
          status: METRIC_OK
          intervals {
            target: POPULATION_MEAN
            alpha { numerator: 1 denominator: 20 }
            lower: 0.9922
            upper: 0.9983
            status: INTERVAL_OK
          }
        }
        metrics {
          id: "kl"
          unit: "nat"
          value: 0.0123
          n: 2000
          status: METRIC_OK
          intervals {
            target: NEW_SAMPLE
            alpha { numerator: 1 denominator: 20 }
            lower_infinite: true
            upper: 0.25
            status: INTERVAL_OK
          }
          intervals {
            target: POPULATION_MEAN
            alpha { numerator: 1 denominator: 20 }
            lower: 0.011
            upper: 0.014
            status: INTERVAL_OK
          }
        }
        metrics {
          id: "accuracy_delta"
          unit: "fraction"
          value: 0.1
          n: 10
          status: METRIC_OK
          intervals {
            target: POPULATION_MEAN
            alpha { numerator: 1 denominator: 1000 }
            upper_infinite: true
            n_required: 999
            status: INSUFFICIENT_CALIBRATION
          }
        }
        metrics {
          id: "accuracy"
          unit: "fraction"
          status: METRIC_NOT_APPLICABLE
          status_detail: "the data has no labels"
        }
        data_use { calibration_rows: 256 evaluation_rows: 2000 split_seed: 7 }
        sizes { original_bytes: 1572864 quantized_bytes: 524288 ratio: 0.33333 }
        measured {
          instruction_set: "AVX2"
          peak_memory_bytes: 104857600
          integer { layers: 12 rows: 256 speedup: 1.75 speedup_lower: 1.5 speedup_upper: 2 top1_agreement: 0.9961 }
        }
        warnings: "one layer is narrow"
      }
    }
    gate_results {
      gate { metric: "top1_agreement" statistic: LOWER comparison: AT_LEAST threshold: 0.98 }
      outcome: PASSED
      explanation: "0.9922 >= 0.98"
    }
  )pb";
  v1::Job job;
  QUANTD_CHECK(google::protobuf::TextFormat::ParseFromString(kJob, &job));
  return job;
}

}  // namespace quantd::testing
