// What a car's LIDAR measures: distances along beams about its heading.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "episode.hpp"
#include "maths.hpp"
#include "scene.hpp"
#include "solids.hpp"
#include "walls.hpp"

namespace paddock {

// Of the base and over the ground: the joint of `laser` in the real car's description.
inline constexpr double kLidarAhead_m = 0.02913;
inline constexpr double kLidarHeight_m = 0.1847;

struct LidarRules {
  double clip_m = 1.0;       // what the real LIDAR input is cut to
  double noise_m = 0.0;      // standard deviation
  bool walls = true;         // whether beams end at the track's borders
};

// The walls around the field that cameras see, as corners of which the last is the first; none where there are none or
// the LIDAR looks over them.
struct Barriers {
  std::vector<double> x, y;
  Barriers() = default;
  explicit Barriers(const Scene& scene);
};

// Numbers about sectors of beams, as SimApp's observation filters make them: whether something is near, or in which
// step of distance it is.
struct SectorRules {
  std::size_t count = 0;     // 0: none; else it divides kBeams
  std::size_t steps = 0;     // 0: one number for each sector
  double clip_m = 0.5;
  std::size_t width() const { return count * (steps == 0 ? 1 : steps); }
};

// How far walls matter: beyond it noise cannot bring one into sight.
double reach_m(const LidarRules& rules);

// Writes kBeams distances in metres to walls and solids, from -150 degrees (right) to +150 (left) about the heading.
void write_lidar(const Walls& walls, const Barriers& barriers, std::span<const Solid> solids, const LidarRules& rules,
                 SinCos yaw, Car& car, float* out);

// Writes rules.width() zeros and ones about the sectors of beams, from right to left.
void write_sectors(const float* beams, const SectorRules& rules, float* out);

}  // namespace paddock
