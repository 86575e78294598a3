#include "worker/job/protocol/event_pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::StatusIs;

v1::JobEvent Progress(const std::string& stage, int64_t step) {
  v1::JobEvent event;
  event.mutable_progress()->set_stage(stage);
  event.mutable_progress()->set_step(step);
  return event;
}

std::string Written(const std::vector<v1::JobEvent>& events) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EventWriter writer(ends[1]);
  for (const v1::JobEvent& event : events) writer.Write(event);
  ::close(ends[1]);
  std::string bytes(65536, '\0');
  bytes.resize(static_cast<size_t>(::read(ends[0], bytes.data(), bytes.size())));
  ::close(ends[0]);
  return bytes;
}

TEST(EventPipe, EventsArriveWholeInAnyPieces) {
  const std::string bytes = Written({Progress("import", 1), Progress("calibrate", 300)});
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    EventParser parser;
    std::vector<v1::JobEvent> events;
    for (size_t i = 0; i < bytes.size(); i += piece) {
      ASSERT_OK_AND_ASSIGN(const auto some, parser.Feed(bytes.substr(i, piece)));
      events.insert(events.end(), some.begin(), some.end());
    }
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].progress().stage(), "import");
    EXPECT_EQ(events[1].progress().step(), 300);
  }
}

TEST(EventPipe, RefusesAnAbsurdLength) {
  EXPECT_THAT(EventParser().Feed("\xff\xff\xff\x7f"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EventPipe, RefusesBytesThatAreNoEvent) {
  EXPECT_THAT(EventParser().Feed(absl::string_view("\x01\x00\x00\x00\xff", 5)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EventPipe, AReaderThatIsGoneHurtsNobody) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  ::signal(SIGPIPE, SIG_IGN);
  EventWriter writer(ends[1]);
  writer.Write(Progress("import", 1));
  writer.Write(Progress("import", 2));
  ::close(ends[1]);
}

}  // namespace
}  // namespace quantd
