// What stands or drives on the track besides the car: boxes, bots, other cars.
#pragma once

#include <cstdint>

namespace paddock {

enum class SolidKind : std::uint8_t { box, bot, car };

struct Solid {  // an upright block on the road, as cameras draw it and beams meet it
  double x, y, yaw;                     // of its middle, in the track's frame; radians
  double half_length_m, half_width_m;   // along its yaw and across
  double height_m;
  SolidKind kind;
};

}  // namespace paddock
