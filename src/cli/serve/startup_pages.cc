#include "cli/serve/startup_pages.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace larnax::cli {
namespace {

using Segment = ElfW(Phdr);

// The linker has written into code: its pages are no longer those of the file.
bool HasTextRelocations(uintptr_t base, std::span<const Segment> segments) {
  for (const Segment& segment : segments) {
    if (segment.p_type != PT_DYNAMIC) continue;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(base + segment.p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL) return true;
      if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
    }
  }
  return false;
}

int ReleaseObject(dl_phdr_info* object, size_t, void*) {
  // The kernel's own pages are no file's.
  if (std::string_view(object->dlpi_name).starts_with("linux-vdso")) return 0;
  const std::span<const Segment> segments(object->dlpi_phdr, object->dlpi_phnum);
  if (HasTextRelocations(object->dlpi_addr, segments)) return 0;
  const auto page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const Segment& segment : segments) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    // Whole pages alone: what lies beside may be another segment.
    const uintptr_t begin = object->dlpi_addr + segment.p_vaddr + page_bytes - 1;
    const uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    const uintptr_t first = begin / page_bytes * page_bytes;
    const uintptr_t last = end / page_bytes * page_bytes;
    // Refused where pages are locked: then they stay.
    if (first < last) (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void ReleaseStartupPages() { dl_iterate_phdr(&ReleaseObject, nullptr); }

}  // namespace larnax::cli
