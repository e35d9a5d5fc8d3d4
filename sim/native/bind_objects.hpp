// Python's side of objects.hpp.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>

#include "world.hpp"

namespace paddock {

// From the dict that sim/objects.py makes, or None. Python has checked the numbers; whether they fit on the track is
// checked where they are placed.
std::optional<ObjectRules> object_rules(const nanobind::object& settings);

// What stands on a car's road: a list of (kind, x, y, yaw, length, width, height).
nanobind::list solids_of(const World& world, std::size_t car);

void bind_objects(nanobind::module_& m);

}  // namespace paddock
