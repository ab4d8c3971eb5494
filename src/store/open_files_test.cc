#include "store/open_files.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/civil_time.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "store/store.h"
#include "store/store_fixture.h"
#include "test/matchers.h"

namespace {

bool is_memory_short = false;

void* Allocate(size_t size, size_t alignment) {
  if (is_memory_short) throw std::bad_alloc();
  size = (std::max<size_t>(size, 1) + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new[](size_t size) { return Allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace larnax::store {
namespace {

// A read ends in destructors, which must not throw: also while memory is short, and more files were
// read than may stay open.
TEST(OpenFiles, AReadEndsWithoutMemory) {
  constexpr int64_t kNow = 1'790'000'000'000;
  io::SimFileSystem fs(1);
  io::SimClock clock;
  StoreOptions options;
  options.open_files.files = 2;
  ASSERT_OK_AND_ASSIGN(const auto store, Store::Open(fs, "/a", options, kNow));
  TestHead head;
  Oracle oracle;
  io::Random random(1);
  for (int day = 0; day < 6; ++day) {
    const auto samples = DrawSamples(random, 100, kNow - day * base::kDayMs, 1000);
    const auto frozen = head.Freeze(samples, {.segment = 1});
    ASSERT_OK(store->Flush(*frozen, kNow));
    AddToOracle(samples, &oracle);
  }
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(auto stream, store->Select({}, {}, clock));
    ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(*stream));
    EXPECT_EQ(Difference(oracle, got), "");
    is_memory_short = i < 2;
    stream = nullptr;
    is_memory_short = false;
  }
}

}  // namespace
}  // namespace larnax::store
