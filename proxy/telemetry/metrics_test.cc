#include "proxy/telemetry/metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/numbers.h"
#include "proxy/telemetry/process_stats.h"

namespace weft::telemetry {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// The number from there to the end of its line.
double NumberAt(const std::string& text, size_t at) {
  double number = -1;
  EXPECT_TRUE(absl::SimpleAtod(text.substr(at, text.find('\n', at) - at), &number)) << text.substr(at, 40);
  return number;
}

class MetricsTest : public ::testing::Test {
 protected:
  WorkerMetrics& NewWorker(Metrics& metrics) {
    return metrics.AddWorker([this](std::function<void()> work) { posted_.push_back(std::move(work)); });
  }
  void RunPosted() {
    for (; !posted_.empty(); posted_.pop_front()) posted_.front()();
  }
  static SeriesKey Key(WorkerMetrics& worker, const std::string& service, int status = 200) {
    SeriesKey key;
    key.source = worker.Source("shop", "cart");
    key.destination = worker.Destination(service, "v1");
    key.direction = Direction::kOutbound;
    key.tls = Tls::kMutual;
    key.code_class = ClassOf(status);
    return key;
  }
  // The value of the one line that begins so; -1: there is none.
  static double Value(const Metrics& metrics, const std::string& begin) {
    std::istringstream lines(metrics.Text());
    double value = -1;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(begin)) continue;
      EXPECT_EQ(value, -1) << "two lines begin with " << begin;
      value = NumberAt(line, line.rfind(' ') + 1);
    }
    return value;
  }
  static double SumOf(const Metrics& metrics, const std::string& family) {
    double sum = 0;
    std::istringstream lines(metrics.Text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(family + "{")) sum += NumberAt(line, line.rfind(' ') + 1);
    }
    return sum;
  }

  std::deque<std::function<void()>> posted_;  // to the main thread
};

TEST_F(MetricsTest, WorkersAreSummedUnderTheDocumentedLabels) {
  Metrics metrics;
  WorkerMetrics& one = NewWorker(metrics);
  WorkerMetrics& two = NewWorker(metrics);
  two.Source("other", "order");  // ids differ between workers, texts meet
  one.CountRequest(Key(one, "pay.shop"), milliseconds(2), 10, 100);
  two.CountRequest(Key(two, "pay.shop"), milliseconds(3), 1, 1);
  SeriesKey failed = Key(two, "pay.shop", 503);
  failed.reason = ReasonOf(base::FailureKind::kConnectRefused);
  two.CountRequest(failed, milliseconds(1), 0, 0);

  const std::string labels =
      "{direction=\"outbound\",source_namespace=\"shop\",source_service_account=\"cart\",destination_service=\"pay."
      "shop\","
      "destination_version=\"v1\",code_class=\"";
  EXPECT_EQ(Value(metrics, "weft_requests_total" + labels + "2xx\",tls=\"mutual\",reason=\"none\"}"), 2);
  EXPECT_EQ(Value(metrics, "weft_requests_total" + labels + "5xx\",tls=\"mutual\",reason=\"connect_refused\"}"), 1);
  EXPECT_EQ(SumOf(metrics, "weft_request_bytes_total"), 11);
  EXPECT_EQ(SumOf(metrics, "weft_response_bytes_total"), 101);
}

TEST_F(MetricsTest, DurationsFallIntoCumulativeBuckets) {
  Metrics metrics;
  WorkerMetrics& worker = NewWorker(metrics);
  const SeriesKey key = Key(worker, "pay.shop");
  worker.CountRequest(key, microseconds(500), 0, 0);  // a bound belongs to its bucket
  worker.CountRequest(key, microseconds(500) + std::chrono::nanoseconds(1), 0, 0);
  worker.CountRequest(key, std::chrono::seconds(60), 0, 0);
  worker.CountRequest(key, std::chrono::nanoseconds(-5), 0, 0);  // no time is negative
  const std::string begin =
      "weft_request_duration_seconds_bucket{direction=\"outbound\",destination_service=\"pay.shop\",destination_"
      "version=\"v1\",le=\"";
  EXPECT_EQ(Value(metrics, begin + "0.0005\"}"), 2);
  EXPECT_EQ(Value(metrics, begin + "0.001\"}"), 3);
  EXPECT_EQ(Value(metrics, begin + "10\"}"), 3);
  EXPECT_EQ(Value(metrics, begin + "+Inf\"}"), 4);
  EXPECT_EQ(Value(metrics, "weft_request_duration_seconds_count{"), 4);
  EXPECT_NEAR(Value(metrics, "weft_request_duration_seconds_sum{"), 60.001, 1e-6);
}

TEST_F(MetricsTest, SeriesAreBoundedAndTheRestIsOther) {
  constexpr int64_t kLimit = 200;
  constexpr int kNames = 100'000;
  Metrics metrics(kLimit);
  WorkerMetrics& worker = NewWorker(metrics);
  for (int i = 0; i < kNames; ++i) worker.CountRequest(Key(worker, "host" + std::to_string(i)), milliseconds(1), 1, 1);
  for (int i = 0; i < 1000; ++i) worker.CountTcp(Key(worker, "tcp" + std::to_string(i)), 5, 7);

  EXPECT_EQ(SumOf(metrics, "weft_requests_total"), kNames) << "nothing is lost";
  EXPECT_EQ(SumOf(metrics, "weft_tcp_received_bytes_total"), 5000);
  EXPECT_LE(Value(metrics, "weft_metric_series "), kLimit + Metrics::kReserve);
  EXPECT_GT(Value(metrics, "weft_metric_series_overflow_total "), kNames / 2);
  std::istringstream lines(metrics.Text());
  int of_traffic = 0;
  for (std::string line; std::getline(lines, line);)
    of_traffic += line.find("destination_service=") != std::string::npos;
  EXPECT_LE(of_traffic, kLimit + Metrics::kReserve);
  const std::string other =
      "weft_requests_total{direction=\"outbound\",source_namespace=\"other\",source_service_account=\"other\","
      "destination_service=\"other\",destination_version=\"other\",code_class=\"2xx\"";
  EXPECT_GT(Value(metrics, other), kNames / 2) << "the vocabulary that is bounded by itself stays";
}

TEST_F(MetricsTest, CountersNeverFallWhenAWorkerDropsASeries) {
  Metrics metrics;
  WorkerMetrics& idle = NewWorker(metrics);
  WorkerMetrics& busy = NewWorker(metrics);
  const std::string series = "weft_requests_total{direction=\"outbound\"";
  for (int i = 0; i < 5; ++i) idle.CountRequest(Key(idle, "pay.shop"), milliseconds(1), 0, 0);
  double before = 0;
  for (uint32_t sweep = 0; sweep < WorkerMetrics::kIdleSweeps + 5; ++sweep) {
    busy.CountRequest(Key(busy, "pay.shop"), milliseconds(1), 0, 0);
    for (WorkerMetrics* worker : {&idle, &busy}) worker->Sweep();
    for (int scrape = 0; scrape < 2; ++scrape) {  // before the main thread hears of it, and after
      const double now = Value(metrics, series);
      EXPECT_EQ(now, 5 + sweep + 1);
      EXPECT_GE(now, before);
      before = now;
      RunPosted();
    }
  }
  // The idle one comes back: on from where it was.
  idle.CountRequest(Key(idle, "pay.shop"), milliseconds(1), 0, 0);
  EXPECT_EQ(Value(metrics, series), before + 1);
}

TEST_F(MetricsTest, ASeriesThatNobodyUsesLeavesThePageAndMakesRoom) {
  Metrics metrics;
  WorkerMetrics& worker = NewWorker(metrics);
  worker.CountRequest(Key(worker, "gone.shop"), milliseconds(1), 0, 0);
  EXPECT_GT(Value(metrics, "weft_metric_series "), 0);
  for (uint32_t sweep = 0; sweep < WorkerMetrics::kIdleSweeps + 2; ++sweep) worker.Sweep();
  RunPosted();
  (void)metrics.Text();
  EXPECT_EQ(metrics.Text().find("gone.shop"), std::string::npos);
  EXPECT_EQ(Value(metrics, "weft_metric_series "), 0);
  // Generation after generation in the same slots.
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 50; ++i)
      worker.CountRequest(Key(worker, std::to_string(round * 50 + i)), milliseconds(1), 0, 0);
    for (uint32_t sweep = 0; sweep < WorkerMetrics::kIdleSweeps + 2; ++sweep) worker.Sweep();
    RunPosted();
  }
  EXPECT_EQ(Value(metrics, "weft_metric_series "), 0);
  EXPECT_EQ(Value(metrics, "weft_metric_series_overflow_total "), 0);
}

// For TSan above all: a worker makes and drops series while the page is made.
TEST(MetricsThreads, ScrapesRunBesideTheWorker) {
  Metrics metrics;
  std::mutex mutex;
  std::deque<std::function<void()>> posted;  // protected by mutex
  const auto run_posted = [&] {
    std::deque<std::function<void()>> work;
    {
      std::lock_guard lock(mutex);
      work.swap(posted);
    }
    for (auto& one : work) one();
  };
  WorkerMetrics& worker = metrics.AddWorker([&](std::function<void()> work) {
    std::lock_guard lock(mutex);
    posted.push_back(std::move(work));
  });
  constexpr uint64_t kRounds = 3000;
  std::atomic<bool> ended{false};
  std::thread thread([&] {
    for (uint64_t round = 0; round < kRounds; ++round) {
      SeriesKey key;
      key.destination = worker.Destination("stays", "");
      worker.CountRequest(key, milliseconds(1), 0, 0);
      key.destination = worker.Destination("goes" + std::to_string(round / 4 % 100), "");
      worker.CountRequest(key, milliseconds(1), 0, 0);
      worker.Sweep();
    }
    ended = true;
  });
  const auto stays = [&] {
    const std::string text = metrics.Text();
    const size_t found = text.find("destination_service=\"stays\",destination_version=\"\",code_class=");
    return found == std::string::npos ? 0 : NumberAt(text, text.find("} ", found) + 2);
  };
  double before = 0;
  while (!ended) {
    const double now = stays();
    EXPECT_GE(now, before);
    before = now;
    run_posted();
  }
  thread.join();
  EXPECT_EQ(stays(), kRounds);
}

TEST_F(MetricsTest, NamesFollowPrometheusRules) {
  Metrics metrics;
  WorkerMetrics& worker = NewWorker(metrics);
  worker.CountRequest(Key(worker, "pay.shop"), milliseconds(1), 1, 1);
  worker.CountTcp(Key(worker, "pay.shop"), 1, 1);
  worker.by_direction[0].refused[0].Add();
  worker.by_direction[0].malformed.Add("no_host");
  worker.by_direction[1].upstream_failed[0].Add();
  worker.by_direction[0].tls_accepted[0].Add();
  metrics.AddSource(AddProcessStats);
  std::set<std::string> names;
  for (const auto& family : metrics.Collect()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name << " twice";
    EXPECT_TRUE(family.name.starts_with("weft_")) << family.name;
    EXPECT_EQ(family.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), std::string::npos) << family.name;
    EXPECT_EQ(family.name.ends_with("_total"), family.type == prometheus::MetricType::Counter) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    for (const char* unit : {"_ms", "_millis", "_micros", "_kb", "_minutes"}) {
      EXPECT_EQ(family.name.find(unit), std::string::npos) << family.name << ": base units only";
    }
    std::set<std::string> series;
    for (const auto& metric : family.metric) {
      std::string labels;
      for (const auto& label : metric.label) labels += label.name + '=' + label.value + ',';
      EXPECT_TRUE(series.insert(labels).second) << family.name << '{' << labels << "} twice";
    }
  }
  EXPECT_GT(names.size(), 15u);
}

TEST(NamedCounters, AreBounded) {
  NamedCounters counters;
  for (int i = 0; i < 1000; ++i) counters.Add("reason" + std::to_string(i));
  counters.Add("reason0");
  uint64_t sum = 0, first = 0;
  size_t names = 0;
  counters.ForEach([&](std::string_view text, uint64_t count) {
    ++names;
    sum += count;
    if (text == "reason0") first = count;
  });
  EXPECT_EQ(sum, 1001u);
  EXPECT_EQ(first, 2u);
  EXPECT_EQ(names, NamedCounters::kMax + 1);
}

}  // namespace
}  // namespace weft::telemetry
