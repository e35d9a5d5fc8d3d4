#include "lidar.hpp"

#include <algorithm>

#include "fan.hpp"

namespace paddock {
namespace {

constexpr double kNearest_m = 0.15;

void shorten(Fan& fan, const Solid& solid, double reach_m) {
  const double dx = solid.x - fan.from().x, dy = solid.y - fan.from().y;
  const double reach = reach_m + solid.half_length_m + solid.half_width_m;
  if (dx * dx + dy * dy > reach * reach) return;
  const auto corners = drawn(solid).corners();
  double x[5], y[5];
  for (std::size_t i = 0; i < 5; ++i) {
    x[i] = corners[i % 4].x;
    y[i] = corners[i % 4].y;
  }
  fan.meet(x, y, 5);
}

}  // namespace

double reach_m(const LidarRules& rules) { return rules.clip_m + 6.0 * rules.noise_m; }

Barriers::Barriers(const Scene& scene) {
  if (scene.walls().empty() || scene.wall_height_m() <= kLidarHeight_m) return;
  for (std::size_t i = 0; i <= scene.walls().size(); ++i) {
    const Point& corner = scene.walls()[i % scene.walls().size()];
    x.push_back(scene.origin().x + corner.x);
    y.push_back(scene.origin().y + corner.y);
  }
}

void write_lidar(const Walls& walls, const Barriers& barriers, std::span<const Solid> solids, const LidarRules& rules,
                 SinCos yaw, Car& car, float* out) {
  const Point from{car.motion.x + kLidarAhead_m * yaw.cosine, car.motion.y + kLidarAhead_m * yaw.sine};
  Fan fan(from, yaw, walls.reach_m());
  if (rules.walls) walls.shorten(fan);
  if (!barriers.x.empty()) fan.meet(barriers.x.data(), barriers.y.data(), barriers.x.size());
  for (const Solid& solid : solids) shorten(fan, solid, walls.reach_m());
  for (std::size_t i = 0; i < kBeams; ++i) {
    double measured = fan.length_m(i);
    if (rules.noise_m > 0.0) measured += rules.noise_m * car.random.normal();
    out[i] = static_cast<float>(std::clamp(measured, kNearest_m, rules.clip_m));
  }
}

void write_sectors(const float* beams, const SectorRules& rules, float* out) {
  const std::size_t each = kBeams / rules.count;
  std::fill_n(out, rules.width(), 0.0f);
  for (std::size_t sector = 0; sector < rules.count; ++sector) {
    const double nearest = *std::min_element(beams + sector * each, beams + (sector + 1) * each);
    if (rules.steps == 0) {
      out[sector] = nearest < static_cast<float>(rules.clip_m) ? 1.0f : 0.0f;
      continue;
    }
    const double per_step = rules.clip_m / static_cast<double>(rules.steps);
    const auto step = static_cast<std::size_t>(nearest / per_step);
    if (nearest < static_cast<float>(rules.clip_m) && step < rules.steps) out[sector * rules.steps + step] = 1.0f;
  }
}

}  // namespace paddock
