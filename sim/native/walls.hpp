// The track's borders as walls, in a grid that rays walk through.
#pragma once

#include <cstdint>
#include <vector>

#include "track.hpp"

namespace paddock {

class Walls {
 public:
  explicit Walls(const Track& track);
  // Distance along a unit direction to the nearest wall, at most reach_m.
  double distance(Point from, double dx, double dy, double reach_m) const;
  double distance_slowly(Point from, double dx, double dy, double reach_m) const;

 private:
  struct Wall {
    Point a;
    double dx, dy;
  };
  static double hit(const Wall& wall, Point from, double dx, double dy);

  std::vector<Wall> walls_;
  Point corner_{};
  double cell_m_ = 0.0;
  std::int32_t columns_ = 0, rows_ = 0;
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> inside_;
};

}  // namespace paddock
