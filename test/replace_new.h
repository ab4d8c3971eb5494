#pragma once

// Every operator new and delete of a program, of which one test source includes this, after its
// `void* Allocate(size_t size, size_t alignment)`, which may throw std::bad_alloc, and its
// `void Free(void* memory)`. All of them: a sanitizer has its own of those that are not replaced,
// and what one allocated must not be freed by another.

#include <cstddef>
#include <new>

namespace {

constexpr size_t kNewAlignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void* TryAllocate(size_t size, size_t alignment) noexcept {
  try {
    return Allocate(size, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void* operator new(size_t size) { return Allocate(size, kNewAlignment); }
void* operator new[](size_t size) { return Allocate(size, kNewAlignment); }
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return TryAllocate(size, kNewAlignment);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return TryAllocate(size, kNewAlignment);
}
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return TryAllocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return TryAllocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { Free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { Free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { Free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  Free(memory);
}
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { Free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { Free(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  Free(memory);
}
