// What stands or drives on the track besides the car: boxes, bots, other cars.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "maths.hpp"
#include "polyline.hpp"

namespace paddock {

enum class SolidKind : std::uint8_t { box, bot, car };

struct Solid {  // an upright block on the road, as cameras draw it and beams meet it
  double x, y, yaw;                     // of its middle, in the track's frame; radians
  double half_length_m, half_width_m;   // along its yaw and across
  double height_m;
  SolidKind kind;
};

// SimApp's obstacle box is drawn smaller than what a car runs into; cars and bots are one size for both.
inline constexpr double kBoxHalfLength_m = 0.2, kBoxHalfWidth_m = 0.15, kBoxHeight_m = 0.25;
inline constexpr double kBoxHitHalfLength_m = 0.25, kBoxHitHalfWidth_m = 0.2;
inline constexpr double kCarHalfLength_m = 0.32352 / 2, kCarHalfWidth_m = 0.1961 / 2, kCarHeight_m = 0.13;

// Upright rectangles on the floor in their own frames, so that asking about many points is cheap.
struct Footprint {
  Point middle;
  SinCos yaw;
  double half_length_m, half_width_m;

  std::array<Point, 4> corners() const;
  // A point on the edge is outside, as in shapely's contains().
  bool contains(Point p) const;
};

Footprint drawn(const Solid& solid);
// What a car runs into.
Footprint struck(const Solid& solid);

}  // namespace paddock
