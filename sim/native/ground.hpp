// Draws the ground's markings as the lens sees them.
#pragma once

#include "easel.hpp"
#include "scene.hpp"
#include "track.hpp"
#include "view.hpp"

namespace paddock {

// `base` is the pose of the car's base.
void draw_ground(const Scene& scene, const View& view, const Pose& base, GroundInk& ink);

}  // namespace paddock
