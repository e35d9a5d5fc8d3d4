// What a car's LIDAR measures: distances along beams about its heading.
#pragma once

#include <span>

#include "episode.hpp"
#include "maths.hpp"
#include "solids.hpp"
#include "walls.hpp"

namespace paddock {

struct LidarRules {
  double clip_m = 1.0;       // what the real LIDAR input is cut to
  double noise_m = 0.0;      // standard deviation
  bool walls = true;         // whether beams end at the track's borders
};

// How far walls matter: beyond it noise cannot bring one into sight.
double reach_m(const LidarRules& rules);

// Writes kBeams distances in metres to walls and solids, from -150 degrees (right) to +150 (left) about the heading.
void write_lidar(const Walls& walls, std::span<const Solid> solids, const LidarRules& rules, SinCos yaw, Car& car,
                 float* out);

}  // namespace paddock
