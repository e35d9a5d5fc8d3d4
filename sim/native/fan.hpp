// A LIDAR's beams from one place, and how far each gets before it meets a wall.
//
// Walls are drawn into the fan one after the other, as surfaces are drawn into a depth buffer: the directions of a
// wall's two corners say which beams can meet it, and only those are asked. That takes directions in single precision;
// where a beam meets a wall is computed in double precision and is to the bit what asking every wall gives.
#pragma once

#include <cstddef>

#include "maths.hpp"
#include "polyline.hpp"

namespace paddock {

inline constexpr std::size_t kBeams = 64;

// Distance along a ray in the unit direction (dx, dy) to the wall from (ax, ay) on by (wx, wy), seen from the ray's
// start; most_m where the ray passes by or gets no farther. Ends count on both sides, so rays cannot slip between two.
inline double meeting(double ax, double ay, double wx, double wy, double dx, double dy, double most_m) {
  const double across = dx * wy - dy * wx;  // zero for a ray along the wall: then no comparison holds
  const double share = (ax * dy - ay * dx) / across;
  const double way = (ax * wy - ay * wx) / across;
  const bool meets = (share >= -1e-12) & (share <= 1.0 + 1e-12) & (way >= 0.0) & (way < most_m);
  return meets ? way : most_m;
}

class Fan {
 public:
  // Beams from -150 to +150 degrees about the heading, each reach_m long.
  Fan(Point from, SinCos yaw, double reach_m);

  // Shortens the beams that meet one of the walls, which go from each corner to the next.
  void meet(const double* x, const double* y, std::size_t corners);

  Point from() const { return from_; }
  double length_m(std::size_t beam) const { return length_[beam]; }
  double direction_x(std::size_t beam) const { return dx_[beam]; }
  double direction_y(std::size_t beam) const { return dy_[beam]; }

 private:
  friend struct FanWork;
  static constexpr std::size_t kTogether = 4;  // beams asked in one go; the last go may stand out over the end

  Point from_;
  SinCos yaw_;
  double dx_[kBeams + kTogether], dy_[kBeams + kTogether], length_[kBeams + kTogether];
};

}  // namespace paddock
