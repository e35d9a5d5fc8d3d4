// What a car sees of the track: a vector of numbers that does not depend on where the track lies, and LIDAR.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "episode.hpp"
#include "maths.hpp"
#include "track.hpp"

namespace paddock {

inline constexpr std::array<double, 7> kLook_m{0.3, 0.6, 1.0, 1.5, 2.2, 3.0, 4.0};
inline constexpr std::size_t kFeatures = 11 + 2 * kLook_m.size() + 2;  // sim/world.py's FEATURES names the columns
inline constexpr std::size_t kBeams = 64;

// Writes kFeatures numbers about a car whose front point is projected at along_m.
void write_features(const Track& track, const Car& car, SinCos yaw, Point front, double along_m, float* out);

// The track's borders as walls, in a grid that rays walk through.
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

struct LidarRules {
  double clip_m = 1.0;       // what the real LIDAR input is cut to
  double noise_m = 0.0;      // standard deviation
};

// Writes kBeams distances in metres, from -150 degrees (right) to +150 (left) about the heading.
void write_lidar(const Walls& walls, const LidarRules& rules, SinCos yaw, Car& car, float* out);

}  // namespace paddock
