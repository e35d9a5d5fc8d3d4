#include "lidar.hpp"

#include <algorithm>
#include <array>

namespace paddock {
namespace {

constexpr double kHalfSweep = 2.61799;   // rad, the real sensor's
constexpr double kNearest_m = 0.15;

struct Beams {
  std::array<double, kBeams> sine, cosine;
  Beams() {
    for (std::size_t i = 0; i < kBeams; ++i) {
      const SinCos angle = sincos(-kHalfSweep + 2.0 * kHalfSweep * static_cast<double>(i) / (kBeams - 1));
      sine[i] = angle.sine;
      cosine[i] = angle.cosine;
    }
  }
};

}  // namespace

void write_lidar(const Walls& walls, const LidarRules& rules, SinCos yaw, Car& car, float* out) {
  static const Beams beams;
  const Point from{car.motion.x, car.motion.y};
  const double reach_m = rules.clip_m + 6.0 * rules.noise_m;  // beyond it noise cannot bring a wall into sight
  for (std::size_t i = 0; i < kBeams; ++i) {
    const double dx = yaw.cosine * beams.cosine[i] - yaw.sine * beams.sine[i];
    const double dy = yaw.sine * beams.cosine[i] + yaw.cosine * beams.sine[i];
    double measured = walls.distance(from, dx, dy, reach_m);
    if (rules.noise_m > 0.0) measured += rules.noise_m * car.random.normal();
    out[i] = static_cast<float>(std::clamp(measured, kNearest_m, rules.clip_m));
  }
}

}  // namespace paddock
