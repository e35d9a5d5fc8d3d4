// The lens over the ground, as drawing the ground's edges needs it.
#pragma once

#include <cstdint>

#include "processor.hpp"
#include "scene.hpp"
#include "track.hpp"
#include "view.hpp"

namespace paddock {

// In single precision and from the middle of the scene.
struct Outlook {
  float x, y, sine, cosine;             // where the lens is and looks
  float pitch_sine, pitch_cosine, height_sine, height_cosine;
  float focal, middle_x, middle_y, height_m;
  float near_m, far_m;
  float slope, leaning;                 // of the picture's side edges over the ground
  float limit_m[kGrades];
  std::int32_t right, bottom, top;      // of the picture's ground, in parts
};

// `base` is the pose of the car's base.
Outlook outlook_of(const Scene& scene, const Lens& lens, const Pose& base);

PADDOCK_INLINE float ahead_of(const Outlook& f, float x, float y) { return (x - f.x) * f.cosine + (y - f.y) * f.sine; }
PADDOCK_INLINE float left_of(const Outlook& f, float x, float y) { return (y - f.y) * f.cosine - (x - f.x) * f.sine; }

}  // namespace paddock
