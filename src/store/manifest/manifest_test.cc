#include "store/manifest/manifest.h"

#include <gtest/gtest.h>

#include "io/random.h"
#include "store/manifest/json_fields.h"
#include "test/matchers.h"

namespace larnax::store {
namespace {

using test::HasMessage;
using test::IsKind;

constexpr int64_t kDay = 20'700;
constexpr int64_t kDayMs = 86'400'000;

FileEntry MakeEntry(int number) {
  FileEntry file{.table = "samples",
                 .name = "s" + std::to_string(number),
                 .day = kDay,
                 .min_metric = "a\"\\\n\xC3\xA9",
                 .max_metric = "b"};
  file.level = number % 4;
  file.bytes = 1000 + number;
  file.series_bytes = 100 + number;
  file.rows = 50;
  file.series = 5;
  file.min_time_ms = kDay * kDayMs;
  file.max_time_ms = (kDay + 1) * kDayMs - 1;
  file.min_sequence = 1;
  file.max_sequence = number + 1;
  file.footer_bytes = 90;
  file.series_footer_bytes = 80;
  file.footer_crc32c = 0xDEADBEEF;
  file.series_footer_crc32c = 1;
  file.created_ms = 1234;
  return file;
}

Manifest MakeManifest() {
  Manifest manifest;
  manifest.writer = "larnax 0.1.0";
  manifest.archive_id = "0123456789abcdef";
  manifest.epoch = 3;
  manifest.number = 17;
  manifest.wal_position = {.segment = 5, .offset_bytes = 4096};
  manifest.typed_wal_position = {.segment = 2, .offset_bytes = 64};
  manifest.next_sequence = 9;
  manifest.sealed_through = 20'690;
  manifest.columns = {{"job", "job"}, {"timestamp", "timestamp_label"}, {"\xE2\x82\xAC", "x"}};
  manifest.files = {MakeEntry(0), MakeEntry(3)};
  manifest.months = {{.table = "samples",
                      .month = "2026-07",
                      .path = "manifest/month-2026-07-12.json",
                      .files = 3,
                      .rows = 30,
                      .bytes = 300,
                      .crc32c = 0xABC}};
  return manifest;
}

// Changes a field of an encoded manifest and makes its checksum right again.
arrow::Result<Manifest> DecodeWith(const std::string& from, const std::string& to) {
  std::string text = EncodeManifest(MakeManifest());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  text.resize(text.rfind("\"crc32c\":\""));
  SealJson(&text);
  return DecodeManifest(text, "manifest/17.json");
}

TEST(ManifestTest, ComesBackAsItWas) {
  Manifest manifest = MakeManifest();
  ASSERT_OK_AND_ASSIGN(const Manifest got, DecodeManifest(EncodeManifest(manifest), "x"));
  EXPECT_EQ(got.writer, manifest.writer);
  EXPECT_EQ(got.archive_id, manifest.archive_id);
  EXPECT_EQ(got.epoch, manifest.epoch);
  EXPECT_EQ(got.number, manifest.number);
  EXPECT_EQ(got.wal_position, manifest.wal_position);
  EXPECT_EQ(got.typed_wal_position, manifest.typed_wal_position);
  EXPECT_EQ(got.next_sequence, manifest.next_sequence);
  EXPECT_EQ(got.sealed_through, manifest.sealed_through);
  EXPECT_EQ(got.columns, manifest.columns);
  EXPECT_EQ(got.files, manifest.files);
  EXPECT_EQ(got.months, manifest.months);
  manifest.sealed_through = std::nullopt;
  manifest.files.clear();
  manifest.tombstones = {{.sequence = 4, .selector = "up", .min_time_ms = 1, .max_time_ms = 2}};
  ASSERT_OK_AND_ASSIGN(const Manifest other, DecodeManifest(EncodeManifest(manifest), "x"));
  EXPECT_EQ(other.sealed_through, std::nullopt);
  EXPECT_EQ(other.tombstones, manifest.tombstones);
}

TEST(ManifestTest, OtherTablesAreAnnouncedAndOldManifestsLackThem) {
  Manifest manifest = MakeManifest();
  EXPECT_EQ(EncodeManifest(manifest).find("\"tables\""), std::string::npos);
  manifest.files[1].table = "histograms";
  manifest.metadata = {{.name = "s0000000004-0000000004-e1-9",
                        .bytes = 500,
                        .rows = 3,
                        .min_sequence = 4,
                        .max_sequence = 4,
                        .footer_bytes = 200,
                        .footer_crc32c = 0xBEEF,
                        .created_ms = 77}};
  const std::string text = EncodeManifest(manifest);
  EXPECT_NE(text.find("\"required_features\":[\"tables\"]"), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const Manifest got, DecodeManifest(text, "x"));
  EXPECT_EQ(got.files, manifest.files);
  EXPECT_EQ(got.metadata, manifest.metadata);
  // What other readers make of it again is the same.
  EXPECT_EQ(EncodeManifest(got), text);
  ASSERT_OK_AND_ASSIGN(const Manifest old, DecodeWith("\"metadata\":[],\n", ""));
  EXPECT_TRUE(old.metadata.empty());
  EXPECT_FALSE(DecodeWith("\"metadata\":[]", "\"metadata\":[{}]").ok());
  EXPECT_THAT(DecodeWith("\"required_features\":[]", "\"required_features\":[\"later\"]"),
              IsKind(ErrorKind::kUnsupported));
}

TEST(ManifestTest, EveryDamagedByteIsFound) {
  const std::string good = EncodeManifest(MakeManifest());
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int mask : {1, 0x20, 0x80}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ mask);
      EXPECT_THAT(DecodeManifest(bad, "manifest/17.json"), IsKind(ErrorKind::kCorrupt)) << i;
    }
    EXPECT_THAT(DecodeManifest(good.substr(0, i), "p"), IsKind(ErrorKind::kCorrupt)) << i;
    EXPECT_THAT(DecodeManifest(good + good.substr(0, i + 1), "p"), IsKind(ErrorKind::kCorrupt));
  }
}

TEST(ManifestTest, WrongFieldsAreNamed) {
  const struct {
    const char* from;
    const char* to;
    const char* named;
  } kCases[] = {
      {"\"epoch\":3", "\"epoch\":-3", "epoch"},
      {"\"epoch\":3", "\"epoch\":3.5", "epoch"},
      {"\"epoch\":3", "\"epoch\":18446744073709551615", "epoch"},
      {"\"epoch\":3", "\"epoche\":3", "epoch is missing"},
      {"\"number\":17", "\"number\":\"17\"", "number"},
      {"\"segment\":5", "\"segment\":null", "wal_position.segment"},
      {"\"sealed_through\":\"", "\"sealed_through\":\"x", "sealed_through"},
      {"\"level\":3", "\"level\":4", "files[1].level"},
      {"\"rows\":50", "\"rows\":0", "files[0].rows"},
      {"\"series\":5", "\"series\":51", "files[0].series"},
      {"\"day\":\"2026-09-04\"", "\"day\":\"2026-09-05\"", "files[0].path"},
      {"\"day\":\"2026-09-04\"", "\"day\":\"2026-09-31\"", "files[0].day"},
      {"\"table\":\"samples\"", "\"table\":\"../etc\"", "files[0].table"},
      {"date=2026-09-04/s0", "date=2026-09-04/../../x/s0", "files[0].path"},
      {"series/samples/date=2026-09-04/s0", "series/samples/date=2026-09-04/s1", "series_path"},
      {"footer_crc32c\":\"deadbeef", "footer_crc32c\":\"deadbeeF", "footer_crc32c"},
      {"\"max_metric\":\"b\"", "\"max_metric\":\"A\"", "max_metric"},
      {"\"max_sequence\":1", "\"max_sequence\":0", "max_sequence"},
      {"\"min_time_ms\":1788480000000", "\"min_time_ms\":1788479999999", "time_ms"},
      {"manifest/month-2026-07-12.json", "manifest/../month.json", "months[0].path"},
      {"\"month\":\"2026-07\"", "\"month\":\"2026-13\"", "months[0].month"},
      {"\"label\":\"job\"", "\"label\":\"\"", "columns[0].label"},
      {"\"files\":[", "\"files\":[17,", "files[0]"},
      {"\"files\":[", "\"files\":{},\"ffiles\":[", "files is not an array"},
  };
  for (const auto& test : kCases) {
    const auto decoded = DecodeWith(test.from, test.to);
    EXPECT_THAT(decoded, IsKind(ErrorKind::kCorrupt)) << test.from << " -> " << test.to;
    EXPECT_THAT(decoded, HasMessage(test.named)) << test.from << " -> " << test.to;
    EXPECT_THAT(decoded, HasMessage("manifest/17.json"));
  }
}

TEST(ManifestTest, WhatIsNotKnownIsRefused) {
  EXPECT_THAT(DecodeWith("\"format_version\":1", "\"format_version\":2"),
              IsKind(ErrorKind::kUnsupported));
  const auto decoded = DecodeWith("\"required_features\":[]", "\"required_features\":[\"zig\"]");
  EXPECT_THAT(decoded, IsKind(ErrorKind::kUnsupported));
  EXPECT_THAT(decoded, HasMessage("zig"));
  // Fields that a later version adds without needing them to be understood.
  EXPECT_OK(DecodeWith("\"epoch\":3", "\"colour\":\"red\",\"epoch\":3"));
}

TEST(ManifestTest, MonthComesBackAsItWas) {
  FileEntry a = MakeEntry(0);
  FileEntry b = MakeEntry(3);
  const std::string text = EncodeMonth("samples", "2026-09", {&a, &b});
  MonthEntry entry{.table = "samples", .month = "2026-09", .path = "manifest/m.json"};
  entry.files = 2;
  ASSERT_OK_AND_ASSIGN(const auto files, DecodeMonth(text, entry));
  EXPECT_EQ(files, (std::vector<FileEntry>{a, b}));
  entry.files = 3;
  EXPECT_THAT(DecodeMonth(text, entry), IsKind(ErrorKind::kCorrupt));
  entry.files = 2;
  entry.month = "2026-08";
  EXPECT_THAT(DecodeMonth(text, entry), IsKind(ErrorKind::kCorrupt));
}

TEST(ManifestTest, RandomDamageWithRightChecksumNeverCrashes) {
  io::Random random(1);
  const std::string good = EncodeManifest(MakeManifest());
  const size_t body = good.rfind("\"crc32c\":\"");
  for (int i = 0; i < 3000; ++i) {
    std::string text = good.substr(0, body);
    for (uint64_t n = random.Below(4); n <= 3; ++n) {
      text[random.Below(text.size())] = "{}[]\",:09ex \\"[random.Below(14)];
    }
    SealJson(&text);
    (void)DecodeManifest(text, "x");
  }
}

}  // namespace
}  // namespace larnax::store
