// Draws what stands on the ground: walls around the field, boxes and cars. Faces in different shades, the nearer over
// the farther.
#pragma once

#include <cstdint>
#include <span>

#include "easel.hpp"
#include "scene.hpp"
#include "solids.hpp"
#include "track.hpp"
#include "view.hpp"

namespace paddock {

// Walls whose inside is seen stand behind everything in the field, so they are drawn with the ground.
// The first row of the picture that they reach, or its height.
int draw_far_walls(const Scene& scene, const View& view, const Pose& base, GroundInk& ink);
// Walls seen from outside the field stand before everything in it; they are drawn last.
void draw_near_walls(const Scene& scene, const View& view, const Pose& base, Easel& easel, std::uint8_t* out);
// Over the picture so far.
void draw_solids(const View& view, const Pose& base, std::span<const Solid> solids, Easel& easel, std::uint8_t* out);

}  // namespace paddock
