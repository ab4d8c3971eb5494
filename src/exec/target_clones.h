#pragma once

/// Before a function that works on many values at a time: the compiler makes one form of it a
/// machine, and the program chooses when it starts. The operations and their order are the same in
/// all. Not under sanitizers, which are not ready at that moment.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LARNAX_TARGET_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define LARNAX_TARGET_CLONES
#endif
