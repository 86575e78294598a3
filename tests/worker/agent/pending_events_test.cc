#include "worker/agent/pending_events.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quantd {
namespace {

v1::JobEvent Log(const std::string& text) {
  v1::JobEvent event;
  event.mutable_log()->set_text(text);
  return event;
}

v1::JobEvent Warning(const std::string& text) {
  v1::JobEvent event;
  event.set_warning(text);
  return event;
}

v1::JobEvent Progress(const std::string& stage, int64_t step) {
  v1::JobEvent event;
  event.mutable_progress()->set_stage(stage);
  event.mutable_progress()->set_step(step);
  return event;
}

std::vector<v1::JobEvent> TakeAll(PendingEvents& events) {
  std::vector<v1::JobEvent> all;
  while (!events.empty()) {
    v1::ReportEventsRequest batch;
    events.TakeBatch(batch);
    EXPECT_GT(batch.events_size(), 0);
    EXPECT_LE(batch.events_size(), PendingEvents::kBatchEventsMax);
    all.insert(all.end(), batch.events().begin(), batch.events().end());
  }
  return all;
}

TEST(PendingEvents, KeepTheirOrder) {
  PendingEvents events;
  for (int i = 0; i < 1000; ++i) events.Add(Log(std::to_string(i)));
  const std::vector<v1::JobEvent> all = TakeAll(events);
  ASSERT_EQ(all.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(all[static_cast<size_t>(i)].log().text(), std::to_string(i));
}

TEST(PendingEvents, OfProgressOfOneStageInARowTheLatestIsEnough) {
  PendingEvents events;
  for (int i = 0; i < 10; ++i) events.Add(Progress("calibrate", i));
  events.Add(Progress("quantize", 1));
  events.Add(Log("x"));
  events.Add(Progress("quantize", 2));
  const std::vector<v1::JobEvent> all = TakeAll(events);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].progress().step(), 9);
  EXPECT_EQ(all[3].progress().step(), 2);
}

TEST(PendingEvents, WithoutRoomTheOldestLogLinesGoFirst) {
  PendingEvents events;
  events.Add(Warning("first"));
  for (size_t i = 0; i < 2 * PendingEvents::kEventsMax; ++i) events.Add(Log(std::to_string(i)));
  const std::vector<v1::JobEvent> all = TakeAll(events);
  ASSERT_EQ(all.size(), PendingEvents::kEventsMax);
  EXPECT_EQ(all[0].warning(), "first");
  EXPECT_EQ(all[1].log().text(), std::to_string(PendingEvents::kEventsMax + 1));
  EXPECT_EQ(all.back().log().text(), std::to_string(2 * PendingEvents::kEventsMax - 1));
}

TEST(PendingEvents, AreBoundedInBytesTooAllOfThemAndABatch) {
  PendingEvents events;
  const std::string text(PendingEvents::kTextBytesMax, 'x');
  for (int i = 0; i < 1000; ++i) events.Add(Warning(text));
  v1::ReportEventsRequest batch;
  events.TakeBatch(batch);
  EXPECT_LE(batch.ByteSizeLong(), PendingEvents::kBatchBytesMax + 1024);
  size_t bytes = batch.ByteSizeLong();
  for (const v1::JobEvent& event : TakeAll(events)) bytes += event.ByteSizeLong();
  EXPECT_LE(bytes, PendingEvents::kBytesMax + 1024);
  EXPECT_GT(bytes, PendingEvents::kBytesMax - 2 * text.size());
}

TEST(PendingEvents, AnEventThatFillsABatchAloneIsSent) {
  PendingEvents events;
  v1::JobEvent big;
  big.mutable_sandbox()->add_applied(std::string(2 * PendingEvents::kBatchBytesMax, 'x'));
  events.Add(big);
  EXPECT_EQ(TakeAll(events).size(), 1u);
}

TEST(PendingEvents, TextsAreCutToWhatTheServerTakes) {
  PendingEvents events;
  const std::string text(PendingEvents::kTextBytesMax - 1, 'x');
  events.Add(Log(text + "\xc3\xa4"));  // Cut in the middle of a character.
  events.Add(Warning(text + "yz"));
  events.Add(Progress(std::string(1000, 's'), 1));
  const std::vector<v1::JobEvent> all = TakeAll(events);
  EXPECT_EQ(all[0].log().text(), text + "?");
  EXPECT_EQ(all[1].warning(), text + "y");
  EXPECT_EQ(all[2].progress().stage(), std::string(PendingEvents::kStageBytesMax, 's'));
}

}  // namespace
}  // namespace quantd
