#pragma once

#include <cstdio>
#include <cstdlib>

/// Stop the process when a condition that our own code guarantees does not hold.
#define LARNAX_CHECK(condition)                                                          \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

/// LARNAX_CHECK in builds without NDEBUG; nothing, and not evaluated, in others.
#ifdef NDEBUG
#define LARNAX_DCHECK(condition) \
  do {                           \
    (void)sizeof(condition);     \
  } while (false)
#else
#define LARNAX_DCHECK(condition) LARNAX_CHECK(condition)
#endif

/// Mark a place that cannot be reached.
#define LARNAX_UNREACHABLE()                                                      \
  do {                                                                            \
    std::fprintf(stderr, "%s:%d: reached the unreachable\n", __FILE__, __LINE__); \
    std::abort();                                                                 \
  } while (false)
