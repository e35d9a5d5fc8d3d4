// Random numbers that depend on (seed, car, episode) and nothing else: no shared state, no order of threads.
#pragma once

#include <cmath>
#include <cstdint>

#include "maths.hpp"

namespace paddock {

// The finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
inline std::uint64_t scramble(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

class Random {
 public:
  Random() = default;
  Random(std::uint64_t seed, std::uint64_t car, std::uint64_t episode)
      : state_(scramble(scramble(scramble(seed) ^ car) ^ episode)) {}

  std::uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return scramble(state_);
  }

  // Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

  // Standard normal by Box and Muller; one value per call, the second is not kept.
  double normal() {
    const double radius = std::sqrt(-2.0 * logarithm(1.0 - uniform() + 0x1.0p-54));
    return radius * sincos(2.0 * kPi * uniform()).cosine;
  }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace paddock
