#include "bind_objects.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "lanes.hpp"
#include "objects.hpp"
#include "solids.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace paddock {
namespace {

template <typename T>
T value(const nb::dict& settings, const char* name) {
  return nb::cast<T>(settings[name]);
}

}  // namespace

std::optional<ObjectRules> object_rules(const nb::object& settings) {
  if (settings.is_none()) return std::nullopt;
  const auto given = nb::cast<nb::dict>(settings);
  ObjectRules rules;
  for (const auto& [fraction, lane] : value<std::vector<std::pair<double, int>>>(given, "box_places")) {
    rules.boxes.places.push_back({fraction, lane > 0});
  }
  rules.boxes.count = value<int>(given, "boxes");
  rules.boxes.random = value<bool>(given, "boxes_random");
  rules.boxes.from = value<double>(given, "boxes_from");
  rules.boxes.to = value<double>(given, "boxes_to");
  rules.boxes.gap_m = value<double>(given, "boxes_gap_m");
  rules.bots.count = value<int>(given, "bots");
  rules.bots.random = value<bool>(given, "bots_random");
  rules.bots.speed_mps = value<double>(given, "bots_speed_mps");
  rules.bots.changes_lanes = value<bool>(given, "bots_change_lanes");
  rules.bots.straight_least_s = value<double>(given, "bots_straight_least_s");
  rules.bots.straight_most_s = value<double>(given, "bots_straight_most_s");
  rules.bots.gap_m = value<double>(given, "bots_gap_m");
  const int others = value<int>(given, "others");
  if (others < 0 || others > 2) throw std::invalid_argument("unknown kind of company");
  rules.others = static_cast<Others>(others);
  if (rules.boxes.count < 0 || rules.boxes.count > 100 || rules.boxes.places.size() > 100 || rules.bots.count < 0 ||
      rules.bots.count > 100 || !(rules.bots.speed_mps > 0.0)) {
    throw std::invalid_argument("a road has at most 100 boxes and 100 bots, and bots drive");
  }
  return rules;
}

nb::list solids_of(const World& world, std::size_t car) {
  if (car >= world.cars()) throw nb::index_error("there is no such car");
  nb::list found;
  for (const Solid& solid : world.solids(car)) {
    found.append(nb::make_tuple(static_cast<int>(solid.kind), solid.x, solid.y, solid.yaw, 2.0 * solid.half_length_m,
                                2.0 * solid.half_width_m, solid.height_m));
  }
  return found;
}

void bind_objects(nb::module_& m) {
  m.attr("OBJECTS_COLUMN_COUNT") = kObjectsColumns;
  m.attr("OBJECT_COLUMN_COUNT") = kObjectColumns;
  nb::class_<Lanes>(m, "Lanes")
      .def(nb::init<const Track&>(), nb::keep_alive<1, 2>())
      .def("standing",
           [](const Lanes& lanes, double along_m, bool inner) {
             const Pose p = lanes.standing(along_m, inner);
             return nb::make_tuple(p.x, p.y, p.yaw);
           },
           "along_m"_a, "inner"_a)
      .def("driving",
           [](const Lanes& lanes, double along_m, bool from_inner, double share, double share_per_m) {
             const Pose p = lanes.driving(along_m, from_inner, share, share_per_m);
             return nb::make_tuple(p.x, p.y, p.yaw);
           },
           "along_m"_a, "from_inner"_a, "share"_a, "share_per_m"_a)
      .def("left_of_centre", [](const Lanes& lanes, double x, double y) { return lanes.left_of_centre({x, y}); },
           "x"_a, "y"_a);
}

}  // namespace paddock
