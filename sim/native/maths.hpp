// Mathematics of the simulator: the same bits on every machine of one architecture.
//
// The C library's sin, cos, exp and so on differ in the last bits between versions and vendors, so the
// functions used by the simulator are here: plain series on a reduced argument, evaluated in one written
// order. Only + - * / and sqrt are taken from the machine; IEEE 754 fixes those to the bit. The file must
// be compiled with -ffp-contract=off and without -ffast-math.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "processor.hpp"

namespace paddock {

inline constexpr double kPi = 3.14159265358979323846;
inline constexpr double kHalfPi = 1.57079632679489661923;
inline constexpr double kDegrees = 180.0 / kPi;
inline constexpr double kRadians = kPi / 180.0;

inline double square_root(double x) { return std::sqrt(x); }

template <typename T>
struct SinCosOf {
  T sine;
  T cosine;
};
using SinCos = SinCosOf<double>;

// Taylor series of sine and cosine for |x| <= pi/4; the first term left out is below 1e-16.
template <typename T>
PADDOCK_INLINE SinCosOf<T> sincos_reduced(T x) {
  const T z = x * x;
  T s = -1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z - 1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z - 1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z - 1.0 / 6.0;
  T c = 1.0 / 20922789888000.0;
  c = c * z - 1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z - 1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z - 1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
  c = c * z - 0.5;
  return {x + x * z * s, 1.0 + z * c};
}

// Nearest whole number, halves to even, without the C library: valid for |x| < 2^51.
inline double nearest(double x) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  return (x + shift) - shift;
}

// Sine and cosine of x radians, |x| < 1e6, error below 2e-16 relative to 1. Without a branch, so that compilers put
// angles side by side: the number of quarter turns stands in the last bits of the shifted sum.
inline SinCos sincos(double x) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = x * (2.0 / kPi) + shift;
  const double quarter = shifted - shift;
  // pi/2 in two parts, the first with 33 bits so that quarter * first is exact.
  double reduced = x - quarter * 1.57079632673412561417e+00;
  reduced = reduced - quarter * 6.07710050650619224932e-11;
  const SinCos value = sincos_reduced(reduced);
  const auto turns = std::bit_cast<std::uint64_t>(shifted);
  const bool odd = (turns & 1) != 0;
  const double sine = odd ? value.cosine : value.sine;
  const double cosine = odd ? value.sine : value.cosine;
  const std::uint64_t sine_sign = (turns & 2) << 62;
  const std::uint64_t cosine_sign = ((turns + 1) & 2) << 62;
  return {std::bit_cast<double>(std::bit_cast<std::uint64_t>(sine) ^ sine_sign),
          std::bit_cast<double>(std::bit_cast<std::uint64_t>(cosine) ^ cosine_sign)};
}

// Arc tangent for 0 <= x <= 1: moved next to the nearest quarter, then its series.
inline double arctan_unit(double x) {
  constexpr double at[5] = {0.0, 0.24497866312686415417, 0.46364760900080611621, 0.64350110879328438680,
                            0.78539816339744830962};
  const int quarter = static_cast<int>(x * 4.0 + 0.5);
  const double centre = 0.25 * quarter;
  const double t = (x - centre) / (1.0 + x * centre);
  const double z = t * t;
  double series = -1.0 / 15.0;
  series = series * z + 1.0 / 13.0;
  series = series * z - 1.0 / 11.0;
  series = series * z + 1.0 / 9.0;
  series = series * z - 1.0 / 7.0;
  series = series * z + 1.0 / 5.0;
  series = series * z - 1.0 / 3.0;
  return at[quarter] + (t + t * z * series);
}

// Angle of the vector (x, y) in (-pi, pi]; 0 for the zero vector.
inline double arctan2(double y, double x) {
  const double ax = x < 0.0 ? -x : x;
  const double ay = y < 0.0 ? -y : y;
  if (ax == 0.0 && ay == 0.0) return 0.0;
  double angle = ay <= ax ? arctan_unit(ay / ax) : kHalfPi - arctan_unit(ax / ay);
  if (x < 0.0) angle = kPi - angle;
  return y < 0.0 ? -angle : angle;
}

// e^x for finite x; 0 below -708 and the largest finite value above 709.
inline double exponential(double x) {
  if (x < -708.0) return 0.0;
  if (x > 709.0) x = 709.0;
  const double k = nearest(x * 1.44269504088896338700e+00);
  double r = x - k * 6.93147180369123816490e-01;
  r = r - k * 1.90821492927058770002e-10;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023);
  return p * std::bit_cast<double>(exponent << 52);
}

// Natural logarithm of a normal positive number.
inline double logarithm(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (mantissa > 1.41421356237309504880) {
    mantissa *= 0.5;
    exponent += 1;
  }
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double z = s * s;
  double series = 1.0 / 21.0;
  for (int odd = 19; odd >= 1; odd -= 2) series = series * z + 1.0 / odd;
  return static_cast<double>(exponent) * 0.69314718055994530942 + 2.0 * s * series;
}

// Angle brought into (-pi, pi].
inline double wrap_angle(double angle) {
  const double wrapped = angle - 2.0 * kPi * nearest(angle * (0.5 / kPi));
  return wrapped <= -kPi ? wrapped + 2.0 * kPi : wrapped;
}

// e^x in single precision, |error| < 2e-7 relative; x is kept within +-87, and NaN stays NaN.
inline float exponential_f(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 87.0f ? 87.0f : x;
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23
  const float k = (x * 1.44269504f + shift) - shift;
  float r = x - k * 0.693359375f;
  r = r - k * -2.12194440e-4f;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(k == k ? k : 0.0f) + 127);
  return p * std::bit_cast<float>(exponent << 23);
}

// Hyperbolic tangent in single precision, |error| < 2e-7.
inline float tanh_f(float x) {
  x = x < -9.0f ? -9.0f : x;
  x = x > 9.0f ? 9.0f : x;
  return 1.0f - 2.0f / (exponential_f(2.0f * x) + 1.0f);
}

}  // namespace paddock
