// What Python sees of the cameras.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>

#include "camera.hpp"

namespace paddock {

// The dict that sim/camera.py makes; None gives nothing.
std::optional<CameraRules> camera_rules(nanobind::handle settings);
void bind_camera(nanobind::module_& m);

}  // namespace paddock
