// What a camera sees: the ground with its markings, walls, and the solids that stand on it.
#pragma once

#include <cstdint>
#include <span>

#include "easel.hpp"
#include "scene.hpp"
#include "solids.hpp"
#include "track.hpp"
#include "view.hpp"

namespace paddock {

// Draws into out, height rows of width bytes. `base` is the pose of the car's base.
void draw(const Scene& scene, const View& view, const Pose& base, std::span<const Solid> solids, Easel& easel,
          std::uint8_t* out);

}  // namespace paddock
