#include <bit>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "bench/load/commands.h"
#include "larnax/labels.h"
#include "test/matchers.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/negotiation.h"

namespace larnax::load {
namespace {

using test::IsOk;

GenerateOptions SmallLoad(int protocol) {
  GenerateOptions options;
  options.load.series = 100;
  options.load.batch = 60;
  options.load.churn_per_hour = 20;
  options.span = "2m";
  options.start = "1790000000";
  options.send.protocol = protocol;
  return options;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int64_t Word(const std::string& text, size_t at) {
  int64_t word = 0;
  std::memcpy(&word, text.data() + at, sizeof word);
  return word;
}

// Lines `request,time,bits labels` of the requests in a file of `generate --out`.
std::multiset<std::string> Sent(const std::string& path, wire::WriteVersion version,
                                const std::set<int64_t>& wanted) {
  std::multiset<std::string> lines;
  const std::string file = ReadFile(path);
  std::string message;
  wire::WriteRequest request;
  constexpr size_t kHeaderBytes = 24;
  for (size_t at = 0; at < file.size();) {
    const int64_t index = Word(file, at);
    const auto size = static_cast<size_t>(Word(file, at + 16));
    const auto* const body = reinterpret_cast<const uint8_t*>(file.data()) + at + kHeaderBytes;
    EXPECT_OK(wire::Decompress(wire::BodyEncoding::kSnappy, {body, size}, 1 << 20, &message));
    const auto* const data = reinterpret_cast<const uint8_t*>(message.data());
    EXPECT_OK(version == wire::WriteVersion::kV1
                  ? wire::DecodeV1({data, message.size()}, &request)
                  : wire::DecodeV2({data, message.size()}, &request));
    EXPECT_EQ(static_cast<int64_t>(request.value.size()), Word(file, at + 8));
    at += kHeaderBytes + size;
    if (!wanted.contains(index)) continue;
    for (const auto& series : request.series) {
      char bits[24];
      std::snprintf(bits, sizeof bits, "%016llx",
                    static_cast<unsigned long long>(
                        std::bit_cast<uint64_t>(request.value[series.first_sample])));
      lines.insert(std::to_string(index) + "," +
                   std::to_string(request.time_ms[series.first_sample]) + "," + bits + " " +
                   LabelsView(series.labels).ToString());
    }
  }
  return lines;
}

// The same lines from the CSV of `verify-list`.
std::multiset<std::string> Listed(const std::string& csv) {
  std::multiset<std::string> lines;
  std::istringstream rows(csv);
  std::string row;
  std::getline(rows, row);
  EXPECT_EQ(row, "request,series,time_ms,value_bits");
  while (std::getline(rows, row)) {
    const size_t first = row.find(",\"");
    const size_t last = row.rfind("\",");
    std::string series = row.substr(first + 2, last - first - 2);
    for (size_t at = series.find("\"\""); at != std::string::npos; at = series.find("\"\"", at)) {
      series.erase(at++, 1);
    }
    lines.insert(row.substr(0, first) + "," + row.substr(last + 2) + " " + series);
  }
  return lines;
}

TEST(VerifyList, ListsExactlyWhatRequestsHeld) {
  for (const int protocol : {1, 2}) {
    GenerateOptions options = SmallLoad(protocol);
    options.out = testing::TempDir() + "/larnax_generate_test_requests";
    ASSERT_OK(Generate(options, 0, [] { return false; }));
    const auto sent = Sent(options.out, static_cast<wire::WriteVersion>(protocol), {0, 3, 4});
    std::filesystem::remove(options.out);
    EXPECT_EQ(sent.size(), 180);

    GenerateOptions listed = SmallLoad(protocol);
    listed.requests = "0,3,4";
    ASSERT_OK_AND_ASSIGN(const std::string csv, VerifyList(listed, 12345));
    EXPECT_EQ(Listed(csv), sent);

    listed.requests = testing::TempDir() + "/larnax_generate_test_log";
    std::ofstream(listed.requests) << "3 60\n0 60\n4 60\n";
    ASSERT_OK_AND_ASSIGN(const std::string from_log, VerifyList(listed, 12345));
    EXPECT_EQ(from_log, csv);
    std::filesystem::remove(listed.requests);
  }
}

TEST(Generate, RefusesFlagsThatMakeNoSense) {
  const auto run = [](auto change) {
    GenerateOptions options = SmallLoad(1);
    change(&options);
    return Generate(options, 0, [] { return false; }).status().ok();
  };
  EXPECT_FALSE(run([](GenerateOptions* options) { options->load.batch = 0; }));
  EXPECT_FALSE(run([](GenerateOptions* options) { options->send.protocol = 3; }));
  EXPECT_FALSE(run([](GenerateOptions* options) { options->send.speed = "fast"; }));
  EXPECT_FALSE(run([](GenerateOptions* options) { options->interval = "soon"; }));
  // Neither where to send nor where to write.
  EXPECT_FALSE(run([](GenerateOptions*) {}));
  GenerateOptions no_start = SmallLoad(1);
  no_start.start.clear();
  no_start.requests = "1";
  EXPECT_FALSE(VerifyList(no_start, 0).ok());
}

}  // namespace
}  // namespace larnax::load
