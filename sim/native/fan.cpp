#include "fan.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "processor.hpp"

namespace paddock {
namespace {

constexpr double kHalfSweep = 2.61799;  // rad, the real sensor's
constexpr double kBetween = 2.0 * kHalfSweep / (kBeams - 1);
constexpr float kHalfTurn = static_cast<float>(kPi / kBetween);  // in beams
constexpr float kMiddle = 0.5f * (kBeams - 1);
constexpr float kMargin = 0.02f;        // in beams; directions are wrong by 0.0002 at most
constexpr float kUnsure = 0.5f;         // a wall seen under half a turn, this much more or less, is asked by all beams
constexpr float kTouching_m = 1e-5f;    // a corner this near has no direction
constexpr float kNoDirection = 1e6f;
constexpr std::size_t kCorners = 16;    // looked at in one go

struct Beams {
  std::array<double, kBeams> sine, cosine;
  Beams() {
    for (std::size_t i = 0; i < kBeams; ++i) {
      const SinCos angle = sincos(-kHalfSweep + kBetween * static_cast<double>(i));
      sine[i] = angle.sine;
      cosine[i] = angle.cosine;
    }
  }
};
const Beams kDirections;

// Direction of a vector in beams from the middle of the fan, left positive.
// Arc tangent: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 4.4.49, error below 1e-5 rad.
PADDOCK_INLINE float beams_off(float ahead, float left) {
  const float a = std::abs(ahead);
  const float l = std::abs(left);
  const float most = std::max(a, l);
  const float t = std::min(a, l) / std::max(most, 1e-30f);
  const float z = t * t;
  float series = 0.0208351f;
  series = series * z - 0.0851330f;
  series = series * z + 0.1801410f;
  series = series * z - 0.3302995f;
  series = series * z + 0.9998660f;
  float angle = series * t;
  angle = l > a ? static_cast<float>(kHalfPi) - angle : angle;
  angle = ahead < 0.0f ? static_cast<float>(kPi) - angle : angle;
  angle = left < 0.0f ? -angle : angle;
  return most < kTouching_m ? kNoDirection : angle * static_cast<float>(1.0 / kBetween);
}

// The first and the last beam that a wall can meet whose right or left end is `off`. Cutting off the fraction rounds
// down, of positive numbers: therefore one turn is added.
constexpr int kTurn = 80;
PADDOCK_INLINE int first_beam(float off) {
  return std::max(static_cast<int>(off + (kMiddle + 1.0f - kMargin + kTurn)) - kTurn, 0);
}
PADDOCK_INLINE int last_beam(float off) {
  return std::min(static_cast<int>(off + (kMiddle + kMargin + kTurn)) - kTurn, static_cast<int>(kBeams) - 1);
}

}  // namespace

struct FanWork {
  PADDOCK_INLINE static void begin(Fan& fan, double reach_m) {
    for (std::size_t i = 0; i < kBeams; ++i) {
      fan.dx_[i] = fan.yaw_.cosine * kDirections.cosine[i] - fan.yaw_.sine * kDirections.sine[i];
      fan.dy_[i] = fan.yaw_.sine * kDirections.cosine[i] + fan.yaw_.cosine * kDirections.sine[i];
      fan.length_[i] = reach_m;
    }
    for (std::size_t i = kBeams; i < kBeams + Fan::kTogether; ++i) fan.dx_[i] = fan.dy_[i] = fan.length_[i] = 0.0;
  }

  // Asks beams from `first` on to `last` for one wall.
  PADDOCK_INLINE static void ask(Fan& fan, int first, int last, double ax, double ay, double wx, double wy) {
    for (int i = first; i <= last; i += static_cast<int>(Fan::kTogether)) {
      for (std::size_t k = 0; k < Fan::kTogether; ++k) {
        fan.length_[i + k] = meeting(ax, ay, wx, wy, fan.dx_[i + k], fan.dy_[i + k], fan.length_[i + k]);
      }
    }
  }

  PADDOCK_INLINE static void meet_some(Fan& fan, const double* x, const double* y, std::size_t corners) {
    double ax[kCorners], ay[kCorners];
    float off[kCorners];
    int low[kCorners], high[kCorners];
    for (std::size_t k = 0; k < corners; ++k) {
      ax[k] = x[k] - fan.from_.x;
      ay[k] = y[k] - fan.from_.y;
      off[k] = beams_off(static_cast<float>(ax[k] * fan.yaw_.cosine + ay[k] * fan.yaw_.sine),
                         static_cast<float>(ay[k] * fan.yaw_.cosine - ax[k] * fan.yaw_.sine));
    }
    for (std::size_t k = 0; k + 1 < corners; ++k) {
      low[k] = first_beam(std::min(off[k], off[k + 1]));
      high[k] = last_beam(std::max(off[k], off[k + 1]));
    }
    for (std::size_t k = 0; k + 1 < corners; ++k) {
      const double wx = ax[k + 1] - ax[k];
      const double wy = ay[k + 1] - ay[k];
      const float under = std::abs(off[k + 1] - off[k]);
      if (under < kHalfTurn - kUnsure) {
        ask(fan, low[k], high[k], ax[k], ay[k], wx, wy);
      } else if (under > kHalfTurn + kUnsure && under < 2.0f * kHalfTurn + kUnsure) {  // behind the car
        ask(fan, 0, last_beam(std::min(off[k], off[k + 1])), ax[k], ay[k], wx, wy);
        ask(fan, first_beam(std::max(off[k], off[k + 1])), kBeams - 1, ax[k], ay[k], wx, wy);
      } else {
        ask(fan, 0, kBeams - 1, ax[k], ay[k], wx, wy);
      }
    }
  }

  PADDOCK_INLINE static void meet(Fan& fan, const double* x, const double* y, std::size_t corners) {
    for (std::size_t from = 0; from + 1 < corners; from += kCorners - 1) {
      meet_some(fan, x + from, y + from, std::min(kCorners, corners - from));
    }
  }

#ifdef PADDOCK_AVX2
  PADDOCK_AVX2 static void begin_avx2(Fan& fan, double reach_m) { begin(fan, reach_m); }
  PADDOCK_AVX2 static void meet_avx2(Fan& fan, const double* x, const double* y, std::size_t corners) {
    meet(fan, x, y, corners);
  }
#endif
};

Fan::Fan(Point from, SinCos yaw, double reach_m) : from_(from), yaw_(yaw) {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) {
    FanWork::begin_avx2(*this, reach_m);
    return;
  }
#endif
  FanWork::begin(*this, reach_m);
}

void Fan::meet(const double* x, const double* y, std::size_t corners) {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return FanWork::meet_avx2(*this, x, y, corners);
#endif
  FanWork::meet(*this, x, y, corners);
}

}  // namespace paddock
