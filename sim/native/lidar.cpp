#include "lidar.hpp"

#include <algorithm>

#include "fan.hpp"

namespace paddock {
namespace {

constexpr double kNearest_m = 0.15;

}  // namespace

double reach_m(const LidarRules& rules) { return rules.clip_m + 6.0 * rules.noise_m; }

void write_lidar(const Walls& walls, const LidarRules& rules, SinCos yaw, Car& car, float* out) {
  Fan fan({car.motion.x, car.motion.y}, yaw, walls.reach_m());
  walls.shorten(fan);
  for (std::size_t i = 0; i < kBeams; ++i) {
    double measured = fan.length_m(i);
    if (rules.noise_m > 0.0) measured += rules.noise_m * car.random.normal();
    out[i] = static_cast<float>(std::clamp(measured, kNearest_m, rules.clip_m));
  }
}

}  // namespace paddock
