#include "worker/quality/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "tests/worker/quality/sample_report.h"
#include "worker/quality/html_text.h"
#include "worker/quality/metric_catalogue.h"

namespace quantd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The rendered sample, made once: the tests only read it.
const std::string& SamplePage() {
  static const std::string* const kPage = new std::string(RenderHtmlReport(SampleReport()));
  return *kPage;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Empty when every element that is opened is closed in order; else what is wrong.
std::string CheckNesting(const std::string& html) {
  const std::set<std::string> empty = {"meta", "br", "!doctype"};
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    if (end == std::string::npos) return "a tag does not end";
    const std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (tag.back() == '/' || empty.count(name) > 0) continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else if (open.empty() || "/" + open.back() != name) {
      return "</" + name.substr(1) + "> closes " + (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
    if (name == "style") at = html.find("</style>", at) - 1;
  }
  return open.empty() ? "" : open.back() + " stays open";
}

TEST(HtmlReport, IsOneFileThatLoadsNothing) {
  for (const char* forbidden : {"http:", "https:", "//", "src=", "href=", "url(", "@import",
                                "<script", "<link", "<img", "<iframe", "onload", "javascript"}) {
    EXPECT_THAT(SamplePage(), Not(HasSubstr(forbidden)));
  }
  EXPECT_THAT(SamplePage(), HasSubstr("default-src 'none'"));
}

TEST(HtmlReport, IsWellNested) { EXPECT_EQ(CheckNesting(SamplePage()), ""); }

TEST(HtmlReport, HoldsEveryMetricOnce) {
  for (const MetricInfo& info : MetricCatalogue()) {
    EXPECT_EQ(Count(SamplePage(), "id=\"metric-" + info.id + "\""), 1) << info.id;
  }
}

TEST(HtmlReport, OpensWithTheVerdictInWords) {
  QualityReport report;
  report.model_name = "m.onnx";
  Metric agreement;
  agreement.id = "top1_agreement";
  agreement.unit = "fraction";
  agreement.value = 0.996;
  agreement.n = 2000;
  Metric difference = agreement;
  difference.id = "accuracy_difference";
  difference.value = -0.0015;
  report.metrics = {agreement, difference};
  report.sizes = {3600, 1000, 0.2778, 900, 900};
  const std::string page = RenderHtmlReport(report);
  EXPECT_THAT(page,
              HasSubstr("On 2,000 held-out rows the quantized model gives the original’s "
                        "answer on <b>99.60 %</b> of them, and its accuracy is <b>0.15 points "
                        "lower</b>. The file is <b>3.6 times smaller</b>."));
}

TEST(HtmlReport, NamesFromTheModelCanNotInjectMarkup) {
  QualityReport report = SampleReport();
  const std::string hostile = "\"><script>alert('x')</script><img src=x onerror=y>&";
  report.model_name = hostile;
  report.recipe_summary = hostile;
  report.engine_version = hostile;
  report.layers[0].node = hostile;
  report.layers[0].op_type = hostile;
  report.layers[0].weight_format = hostile;
  report.warnings = {hostile};
  report.metrics[0].summary = hostile;
  report.metrics[0].id = hostile;
  report.metrics[0].unit = hostile;
  report.metrics[0].population = hostile;
  report.metrics[0].intervals[0].method = hostile;
  report.metrics[0].intervals[0].population = hostile;
  report.metrics[1].status = MetricStatus::kNotApplicable;
  report.metrics[1].status_detail = hostile;
  report.score_distribution.score = hostile;
  report.data_use.source = hostile;
  report.data_use.calibration_rows_digest = hostile;
  report.timings[0].stage = hostile;
  report.inputs[0] = {hostile, hostile, hostile};
  report.recipe.weight.format = {hostile, {{hostile, hostile}}};
  report.recipe.rules = {{hostile, hostile, true}};
  const std::string page = RenderHtmlReport(report);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_EQ(CheckNesting(page), "");
}

TEST(HtmlReport, SaysInfiniteBoundsInWords) {
  QualityReport report;
  Metric kl;
  kl.id = "kl";
  kl.unit = "nat";
  kl.value = 0.2;
  kl.n = 7;
  Interval bound;
  bound.method = "split_conformal";
  bound.target = IntervalTarget::kNewSample;
  bound.guarantee = GuaranteeClass::kFiniteSampleMarginal;
  bound.alpha = {1, 20};
  bound.upper_infinite = true;
  bound.n = 7;
  bound.n_required = 19;
  bound.rank = 8;
  bound.status = IntervalStatus::kInsufficientCalibration;
  kl.intervals = {bound};
  report.metrics = {kl};
  report.score_distribution = {"kl", {0.1, 0.2}, 0, true, {1, 20}};
  const std::string page = RenderHtmlReport(report);
  EXPECT_THAT(page, HasSubstr("no finite upper bound"));
  EXPECT_THAT(page, HasSubstr("it takes 19, there are 7"));
  EXPECT_THAT(page, HasSubstr("the bound is infinite"));
  EXPECT_THAT(page, HasSubstr("unbounded"));
  EXPECT_EQ(CheckNesting(page), "");
}

TEST(HtmlReport, ShowsEveryLayerAndTheWorstFirst) {
  const QualityReport report = SampleReport();
  for (const LayerQuality& layer : report.layers) {
    EXPECT_THAT(SamplePage(), HasSubstr("<h3>" + layer.node + "</h3>"));
  }
  // Six cards stand before the fold, the other twenty inside it.
  const size_t fold = SamplePage().find("The other 20 layers");
  ASSERT_NE(fold, std::string::npos);
  EXPECT_EQ(Count(SamplePage().substr(0, fold), "class=\"card\""), 6);
  EXPECT_EQ(Count(SamplePage(), "class=\"clip\""), 2 * 25);  // Two lines a quantized layer.
}

TEST(HtmlReport, AProductOfActivationsHasNoWeights) {
  QualityReport report = SampleReport();
  for (LayerQuality& layer : report.layers) layer.weight_format.clear();
  const std::string page = RenderHtmlReport(report);
  EXPECT_THAT(page, HasSubstr("<br>no weights<br>"));
  EXPECT_THAT(page, Not(HasSubstr("<br>weights ")));
}

TEST(HtmlReport, AnEmptyReportStillRenders) {
  const std::string page = RenderHtmlReport(QualityReport());
  EXPECT_THAT(page, HasSubstr("No metric"));
  EXPECT_EQ(CheckNesting(page), "");
}

TEST(HtmlReport, OddFiguresDoNotBreakThePlots) {
  QualityReport report = SampleReport();
  report.layers[0].sqnr_db = std::nan("");
  report.layers[1].sqnr_db = -200;
  report.layers[2].histogram = {1, 1, {5}};
  report.layers[3].histogram = {-1e308, 1e308, {5, 0}};
  report.layers[4].clip_lower = std::nan("");
  report.metrics[0].value = INFINITY;
  report.metrics[1].value = std::nan("");
  report.score_distribution.sorted_scores = {0, 0, 0};
  report.score_distribution.conformal_quantile = 0;
  const std::string page = RenderHtmlReport(report);
  EXPECT_THAT(page, Not(HasSubstr("=\"nan")));
  EXPECT_THAT(page, Not(HasSubstr("=\"inf")));
  EXPECT_THAT(page, Not(HasSubstr("=\"-nan")));
  EXPECT_EQ(CheckNesting(page), "");
}

TEST(HtmlReport, EqualReportsGiveEqualBytes) {
  EXPECT_EQ(RenderHtmlReport(SampleReport()), SamplePage());
}

TEST(HtmlText, WritesFiguresForPeople) {
  EXPECT_EQ(GroupedNumber(1234567), "1,234,567");
  EXPECT_EQ(GroupedNumber(-12), "−12");
  EXPECT_EQ(ByteSize(999), "999 bytes");
  EXPECT_EQ(ByteSize(1935412), "1.94 MB");
  EXPECT_EQ(ByteSize(543210), "543 kB");
  EXPECT_EQ(Seconds(0.034), "0.03 s");
  EXPECT_EQ(Seconds(200), "3 min 20 s");
  EXPECT_EQ(Seconds(std::nan("")), "unknown");
  EXPECT_EQ(Figure(0.0123456), "0.0123");
  EXPECT_EQ(Figure(-4.567), "−4.57");
  EXPECT_EQ(Figure(1e-7), "1.0 · 10<sup>−7</sup>");
  EXPECT_EQ(Figure(INFINITY), "infinite");
  EXPECT_EQ(InUnit(0.9964, "fraction", false), "99.64 %");
  EXPECT_EQ(InUnit(-0.0000001, "fraction", true), "0.00<span class=\"unit\">&nbsp;points</span>");
  EXPECT_EQ(EscapeHtml("a\xff<b\x01"), "a?&lt;b?");
}

}  // namespace
}  // namespace quantd
