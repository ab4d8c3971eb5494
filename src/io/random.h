#pragma once

#include <cstdint>

namespace larnax::io {

/// A seeded generator whose sequence is the same on every machine (splitmix64), for simulation.
///
/// Not for secrets. Not safe to use from two threads at once.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  /// Draw 64 uniform bits.
  uint64_t Next() {
    uint64_t mixed = (state_ += 0x9e3779b97f4a7c15ULL);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
  }

  /// Draw from [0, bound); 0 when `bound` is 0. The bias of the modulo is below 2^-32 for bounds
  /// up to 2^32.
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : Next() % bound; }

  /// Draw true with this probability, in [0, 1].
  bool Chance(double probability) {
    return static_cast<double>(Next() >> 11) * 0x1.0p-53 < probability;
  }

 private:
  uint64_t state_;
};

}  // namespace larnax::io
