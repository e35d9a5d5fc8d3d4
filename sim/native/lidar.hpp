// What a car's LIDAR measures: distances along beams about its heading.
#pragma once

#include "episode.hpp"
#include "maths.hpp"
#include "walls.hpp"

namespace paddock {

struct LidarRules {
  double clip_m = 1.0;       // what the real LIDAR input is cut to
  double noise_m = 0.0;      // standard deviation
};

// How far walls matter: beyond it noise cannot bring one into sight.
double reach_m(const LidarRules& rules);

// Writes kBeams distances in metres, from -150 degrees (right) to +150 (left) about the heading.
void write_lidar(const Walls& walls, const LidarRules& rules, SinCos yaw, Car& car, float* out);

}  // namespace paddock
