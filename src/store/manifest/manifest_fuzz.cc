// Input: a byte that says what the rest is: a manifest or the files of a month, to which the right
// checksum is put, or CURRENT.
//
// Whatever the bytes: reading must not crash, and must fail with kCorrupt or kUnsupported if it
// fails; what reads is written to a text that reads as the same.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "io/sim_file_system.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/json_fields.h"
#include "store/manifest/manifest.h"
#include "store/manifest/manifest_log.h"

namespace larnax::store {
namespace {

void CheckStatus(const arrow::Status& status) {
  LARNAX_CHECK(status.ok() || KindOf(status) == ErrorKind::kCorrupt ||
               KindOf(status) == ErrorKind::kUnsupported);
}

void TryManifest(const std::string& text) {
  const auto manifest = DecodeManifest(text, "manifest/1.json");
  CheckStatus(manifest.status());
  if (!manifest.ok()) return;
  const std::string written = EncodeManifest(*manifest);
  const auto again = DecodeManifest(written, "manifest/1.json");
  LARNAX_CHECK(again.ok());
  LARNAX_CHECK(again->files == manifest->files && again->months == manifest->months);
  LARNAX_CHECK(again->metadata == manifest->metadata && again->columns == manifest->columns);
  LARNAX_CHECK(again->tombstones == manifest->tombstones);
  LARNAX_CHECK(EncodeManifest(*again) == written);
}

void TryMonth(const std::string& text) {
  const MonthEntry entry{
      .table = "samples", .month = "2026-09", .path = "manifest/month-2026-09-1.json", .files = 1};
  const auto files = DecodeMonth(text, entry);
  CheckStatus(files.status());
  if (!files.ok()) return;
  std::vector<const FileEntry*> list;
  for (const FileEntry& file : *files) list.push_back(&file);
  const auto again = DecodeMonth(EncodeMonth(entry.table, entry.month, list), entry);
  LARNAX_CHECK(again.ok() && *again == *files);
}

void Write(io::FileSystem& fs, std::string_view name, std::span<const uint8_t> bytes) {
  const auto file = fs.Create(io::JoinPath(kManifestFolder, name)).ValueOrDie();
  LARNAX_CHECK(file->Append(bytes).ok());
  LARNAX_CHECK(file->Close().ok());
}

// A manifest that CURRENT may or may not name.
void TryCurrent(std::span<const uint8_t> bytes) {
  Manifest manifest;
  manifest.number = 7;
  const std::string text = EncodeManifest(manifest);
  io::SimFileSystem fs(1);
  LARNAX_CHECK(fs.MakeDirectories(std::string(kManifestFolder)).ok());
  Write(fs, "7.json", {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  Write(fs, "CURRENT", bytes);
  ManifestLog log(&fs, "");
  const auto loaded = log.Load();
  CheckStatus(loaded.status());
  if (loaded.ok()) LARNAX_CHECK(!loaded->has_value() || (*loaded)->number == 7);
}

}  // namespace
}  // namespace larnax::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax::store;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      TryCurrent({data + 1, size - 1});
      break;
    case 1:
      // Without a checksum that fits.
      TryManifest(text);
      TryMonth(text);
      break;
    case 2:
      SealJson(&text);
      TryManifest(text);
      break;
    default:
      SealJson(&text);
      TryMonth(text);
  }
  return 0;
}
