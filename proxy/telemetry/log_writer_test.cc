#include "proxy/telemetry/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace weft::telemetry {
namespace {

class LogWriterTest : public ::testing::Test {
 protected:
  LogWriterTest() : folder_(::testing::TempDir() + "/log_writerXXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~LogWriterTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  // Waits for the writer thread; its counters are its only sign.
  template <class Condition>
  static bool Until(Condition condition) {
    for (int i = 0; i < 50'000'000; ++i) {
      if (condition()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  std::string folder_;
};

TEST_F(LogWriterTest, LinesOfAProducerKeepTheirOrder) {
  constexpr int kLines = 2000;
  std::vector<std::string> expected(2);
  {
    LogWriter writer;
    const uint32_t file = writer.File(Path("access.log")), second = writer.File(Path("second.log"));
    EXPECT_EQ(writer.File(Path("access.log")), file);
    EXPECT_NE(second, file);
    std::vector<LogProducer*> producers = {writer.AddProducer(), writer.AddProducer()};
    std::vector<std::thread> threads;
    for (size_t p = 0; p < producers.size(); ++p) {
      threads.emplace_back([&, p] {
        for (int i = 0; i < kLines; ++i) {
          const std::string line = std::to_string(p) + " " + std::to_string(i) + "\n";
          EXPECT_TRUE(producers[p]->Write(file, line));
          expected[p] += line;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_TRUE(producers[0]->Write(second, "elsewhere\n"));
  }  // writes what is queued
  std::vector<std::string> got(2);
  std::istringstream lines(Read(Path("access.log")));
  for (std::string line; std::getline(lines, line);) got[line[0] == '1'] += line + "\n";
  EXPECT_EQ(got, expected);
  EXPECT_EQ(Read(Path("second.log")), "elsewhere\n");
}

TEST_F(LogWriterTest, WhatTheRingCannotHoldIsRefusedAndNothingElse) {
  // The reader of this pipe does not read yet: the writer thread is stuck behind it.
  const std::string pipe = Path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const int held = ::open(pipe.c_str(), O_WRONLY);  // until it is closed, the reader sees no end
  ASSERT_GE(held, 0);
  uint64_t taken = 0, dropped = 0, received = 0;
  const std::string line = std::string(999, 'x') + "\n";
  std::thread drain;
  {
    LogWriter writer;
    const uint32_t file = writer.File(pipe);
    LogProducer* producer = writer.AddProducer(16 * 1024);
    while (dropped < 10) producer->Write(file, line) ? ++taken : ++dropped;
    // It never waited; and once the reader reads, there is room again.
    const int flags = ::fcntl(reader, F_GETFL);
    ::fcntl(reader, F_SETFL, flags & ~O_NONBLOCK);
    drain = std::thread([&] {
      char buffer[4096];
      for (ssize_t got; (got = ::read(reader, buffer, sizeof buffer)) > 0;) received += static_cast<uint64_t>(got);
    });
    EXPECT_TRUE(Until([&] { return producer->Write(file, line) && ++taken; }));
    EXPECT_TRUE(Until([&] { return writer.written() == taken; }));
    EXPECT_EQ(writer.lost(), 0u);
  }
  ::close(held);
  drain.join();
  ::close(reader);
  EXPECT_EQ(received, taken * line.size());
  EXPECT_GE(taken, 16u);
  EXPECT_FALSE(LogRing(1024).Push(0, std::string(1020, 'x'))) << "a line that can never fit";
}

TEST_F(LogWriterTest, ReopenFollowsLogrotate) {
  LogWriter writer;
  const uint32_t file = writer.File(Path("access.log"));
  LogProducer* producer = writer.AddProducer();
  ASSERT_TRUE(producer->Write(file, "before\n"));
  ASSERT_TRUE(Until([&] { return writer.written() == 1; }));
  std::filesystem::rename(Path("access.log"), Path("access.log.1"));
  ASSERT_TRUE(producer->Write(file, "still the old file\n"));
  ASSERT_TRUE(Until([&] { return writer.written() == 2; }));
  EXPECT_EQ(Read(Path("access.log.1")), "before\nstill the old file\n");
  writer.Reopen();
  ASSERT_TRUE(producer->Write(file, "after\n"));
  ASSERT_TRUE(Until([&] { return writer.written() == 3; }));
  EXPECT_EQ(Read(Path("access.log")), "after\n");
  EXPECT_EQ(Read(Path("access.log.1")), "before\nstill the old file\n");
}

TEST_F(LogWriterTest, WhatCannotBeWrittenIsCounted) {
  LogWriter writer;
  LogProducer* producer = writer.AddProducer();
  const uint32_t nowhere = writer.File(Path("no/such/folder.log")), full = writer.File("/dev/full"),
                 good = writer.File(Path("good.log"));
  ASSERT_TRUE(producer->Write(nowhere, "a\n"));
  ASSERT_TRUE(producer->Write(full, "b\n"));
  ASSERT_TRUE(producer->Write(good, "c\n"));
  EXPECT_TRUE(Until([&] { return writer.lost() == 2 && writer.written() == 1; }));
  EXPECT_EQ(Read(Path("good.log")), "c\n");
}

// A wrong path or a full disk was nowhere to be read but in a counter.
TEST_F(LogWriterTest, WhatCannotBeWrittenIsToldOnce) {
  testing::internal::CaptureStderr();
  LogWriter writer;
  LogProducer* producer = writer.AddProducer();
  const uint32_t nowhere = writer.File(Path("no/such/folder.log"));
  for (uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(producer->Write(nowhere, "a\n"));
    ASSERT_TRUE(Until([&] { return writer.lost() == i; }));
  }
  const std::string told = testing::internal::GetCapturedStderr();
  const std::string words = "folder.log: No such file or directory";
  EXPECT_NE(told.find(words), told.npos) << told;
  EXPECT_EQ(told.find(words), told.rfind(words)) << told;
}

TEST(LogRing, LinesWrapAroundTheEnd) {
  LogRing ring(256);
  uint32_t file;
  std::string line;
  for (uint32_t i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i) + std::string(i % 90, '.');
    ASSERT_TRUE(ring.Push(i, text));
    ASSERT_TRUE(ring.Push(i + 1, ""));
    ASSERT_TRUE(ring.Pop(&file, &line));
    EXPECT_EQ(file, i);
    EXPECT_EQ(line, text);
    ASSERT_TRUE(ring.Pop(&file, &line));
    EXPECT_EQ(line, "");
    ASSERT_FALSE(ring.Pop(&file, &line));
  }
  while (ring.Push(1, "0123456789")) {
  }
  EXPECT_LE(ring.used(), ring.capacity());
  ASSERT_TRUE(ring.Pop(&file, &line));
  EXPECT_TRUE(ring.Push(1, "0123456789"));
}

}  // namespace
}  // namespace weft::telemetry
