// Four numbers, or two, side by side: in one register or as many as the processor needs. Each is computed as it is alone.
#pragma once

#include <cmath>
#include <cstring>

#include "maths.hpp"
#include "processor.hpp"

namespace paddock {

typedef double Four __attribute__((vector_size(32)));

typedef double Pair __attribute__((vector_size(16)));

PADDOCK_INLINE void load(const double* from, Four& to) { std::memcpy(&to, from, sizeof to); }

// Two fours in step with each other, so that the processor always has one to work on while it waits for the other.
struct Eight {
  Four a, b;

  Eight() = default;
  PADDOCK_INLINE Eight(double value) : a(Four{} + value), b(Four{} + value) {}
  PADDOCK_INLINE Eight(Four first, Four second) : a(first), b(second) {}
  PADDOCK_INLINE explicit Eight(const double (&v)[8]) {
    load(v, a);
    load(v + 4, b);
  }
  PADDOCK_INLINE void store(double (&v)[8]) const {
    std::memcpy(v, &a, sizeof a);
    std::memcpy(v + 4, &b, sizeof b);
  }
};
PADDOCK_INLINE Eight operator+(const Eight& l, const Eight& r) { return {l.a + r.a, l.b + r.b}; }
PADDOCK_INLINE Eight operator-(const Eight& l, const Eight& r) { return {l.a - r.a, l.b - r.b}; }
PADDOCK_INLINE Eight operator*(const Eight& l, const Eight& r) { return {l.a * r.a, l.b * r.b}; }
PADDOCK_INLINE Eight operator/(const Eight& l, const Eight& r) { return {l.a / r.a, l.b / r.b}; }
PADDOCK_INLINE Eight& operator+=(Eight& l, const Eight& r) { return l = l + r; }
PADDOCK_INLINE Eight& operator-=(Eight& l, const Eight& r) { return l = l - r; }

PADDOCK_INLINE Four square_root(Four x) {
  double v[4];
  std::memcpy(v, &x, sizeof v);
  for (double& value : v) value = std::sqrt(value);
  load(v, x);
  return x;
}
PADDOCK_INLINE Eight square_root(const Eight& x) { return {square_root(x.a), square_root(x.b)}; }

}  // namespace paddock
