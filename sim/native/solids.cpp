#include "solids.hpp"

#include <cmath>

namespace paddock {

std::array<Point, 4> Footprint::corners() const {
  const double ax = half_length_m * yaw.cosine, ay = half_length_m * yaw.sine;
  const double bx = -half_width_m * yaw.sine, by = half_width_m * yaw.cosine;
  return {Point{middle.x + ax + bx, middle.y + ay + by}, Point{middle.x + ax - bx, middle.y + ay - by},
          Point{middle.x - ax - bx, middle.y - ay - by}, Point{middle.x - ax + bx, middle.y - ay + by}};
}

bool Footprint::contains(Point p) const {
  const double dx = p.x - middle.x, dy = p.y - middle.y;
  return std::abs(dx * yaw.cosine + dy * yaw.sine) < half_length_m &&
         std::abs(dy * yaw.cosine - dx * yaw.sine) < half_width_m;
}

Footprint drawn(const Solid& solid) {
  return {{solid.x, solid.y}, sincos(solid.yaw), solid.half_length_m, solid.half_width_m};
}

Footprint struck(const Solid& solid) {
  Footprint footprint = drawn(solid);
  if (solid.kind == SolidKind::box) {
    footprint.half_length_m = kBoxHitHalfLength_m;
    footprint.half_width_m = kBoxHitHalfWidth_m;
  }
  return footprint;
}

}  // namespace paddock
