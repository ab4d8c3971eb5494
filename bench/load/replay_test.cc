#include "bench/load/replay.h"

#include <bit>
#include <filesystem>
#include <string>

#include "larnax/samples.h"
#include "test/matchers.h"

namespace larnax::load {
namespace {

using test::IsKind;
using test::IsOk;

TEST(ReplayedTarget, AddsLabelsAndEndsVanishedSeries) {
  ReplayedTarget target({{"job", "node"}, {"instance", "a:1"}});
  std::vector<LoadSample> samples;
  ASSERT_OK(target.Add({0, "up{job=\"own\"} 1\nload 2\n"}, 1000, &samples));
  ASSERT_OK(target.Add({0, "load 3\n"}, 2000, &samples));
  ASSERT_OK(target.Add({0, "load 4\nup{job=\"own\"} 5 99\n"}, 3000, &samples));
  ASSERT_EQ(samples.size(), 6);
  const std::string up = R"(up{exported_job="own", instance="a:1", job="node"})";
  EXPECT_EQ(LabelsView(samples[0].labels).ToString(), up);
  EXPECT_EQ(LabelsView(samples[1].labels).ToString(), R"(load{instance="a:1", job="node"})");
  EXPECT_EQ(samples[2].value, 3);
  EXPECT_EQ(samples[2].time_ms, 2000);
  EXPECT_EQ(LabelsView(samples[3].labels).ToString(), up);
  EXPECT_EQ(std::bit_cast<uint64_t>(samples[3].value), kStaleBits);
  EXPECT_EQ(samples[3].time_ms, 2000);
  EXPECT_EQ(samples[5].value, 5);
  EXPECT_EQ(samples[5].time_ms, 99);
}

TEST(ReplayedTarget, RefusesWhatIsNoScrape) {
  ReplayedTarget target({});
  std::vector<LoadSample> samples;
  EXPECT_THAT(target.Add({0, "<html>"}, 0, &samples), IsKind(ErrorKind::kBadSample));
}

TEST(ScrapeFile, RoundTripsAndNoticesCuts) {
  const std::string path = testing::TempDir() + "/larnax_scrape_file_test";
  ASSERT_OK_AND_ASSIGN(ScrapeWriter writer, ScrapeWriter::Open(path));
  ASSERT_OK(writer.Append({1000, "up 1\n"}));
  ASSERT_OK(writer.Append({2000, std::string(100'000, 'x')}));
  ASSERT_OK(writer.Close());
  {
    ASSERT_OK_AND_ASSIGN(ScrapeReader reader, ScrapeReader::Open(path));
    Scrape scrape;
    EXPECT_TRUE(reader.Next(&scrape).ValueOrDie());
    EXPECT_EQ(scrape.time_ms, 1000);
    EXPECT_EQ(scrape.text, "up 1\n");
    EXPECT_TRUE(reader.Next(&scrape).ValueOrDie());
    EXPECT_EQ(scrape.text.size(), 100'000);
    EXPECT_FALSE(reader.Next(&scrape).ValueOrDie());
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  ASSERT_OK_AND_ASSIGN(ScrapeReader reader, ScrapeReader::Open(path));
  Scrape scrape;
  EXPECT_TRUE(reader.Next(&scrape).ok());
  EXPECT_TRUE(reader.Next(&scrape).status().IsIOError());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace larnax::load
