#include "bind_objects.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bind_settings.hpp"
#include "lanes.hpp"
#include "objects.hpp"
#include "solids.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace paddock {
namespace {

double number(double value, double least, double most) {
  if (!(value >= least && value <= most)) throw std::invalid_argument("a setting of the objects is out of range");
  return value;
}

double number(const nb::dict& settings, const char* name, double least, double most) {
  return number(setting<double>(settings, name), least, most);
}

}  // namespace

std::optional<ObjectRules> object_rules(const nb::object& settings) {
  if (settings.is_none()) return std::nullopt;
  const nb::dict given = settings_of(settings, "objects");
  ObjectRules rules;
  for (const auto& [fraction, lane] : setting<std::vector<std::pair<double, int>>>(given, "box_places")) {
    rules.boxes.places.push_back({number(fraction, 0.0, 1.0), lane > 0});
  }
  rules.boxes.count = setting<int>(given, "boxes");
  rules.boxes.random = setting<bool>(given, "boxes_random");
  rules.boxes.from = number(given, "boxes_from", 0.0, 1.0);
  rules.boxes.to = number(given, "boxes_to", 0.0, 1.0);
  rules.boxes.gap_m = number(given, "boxes_gap_m", 0.0, 1000.0);
  rules.bots.count = setting<int>(given, "bots");
  rules.bots.random = setting<bool>(given, "bots_random");
  rules.bots.speed_mps = number(given, "bots_speed_mps", 0.01, 100.0);
  rules.bots.changes_lanes = setting<bool>(given, "bots_change_lanes");
  rules.bots.straight_least_s = number(given, "bots_straight_least_s", 0.0, 1e5);
  rules.bots.straight_most_s = number(given, "bots_straight_most_s", 0.0, 1e5);
  rules.bots.gap_m = number(given, "bots_gap_m", 0.0, 1000.0);
  const int others = setting<int>(given, "others");
  if (others < 0 || others > 2) throw std::invalid_argument("unknown kind of company");
  rules.others = static_cast<Others>(others);
  if (rules.boxes.count < 0 || rules.boxes.count > 100 || rules.boxes.places.size() > 100 || rules.bots.count < 0 ||
      rules.bots.count > 100) {
    throw std::invalid_argument("a road has at most 100 boxes and 100 bots");
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

double on_the_lap(double along_m) {
  if (!(std::abs(along_m) <= 1e6)) throw std::invalid_argument("no track has a place so far along its centre line");
  return along_m;
}

void bind_objects(nb::module_& m) {
  m.attr("OBJECTS_COLUMN_COUNT") = kObjectsColumns;
  m.attr("OBJECT_COLUMN_COUNT") = kObjectColumns;
  nb::class_<Lanes>(m, "Lanes")
      .def(nb::init<const Track&>(), nb::keep_alive<1, 2>())
      .def("standing",
           [](const Lanes& lanes, double along_m, bool inner) {
             const Pose p = lanes.standing(on_the_lap(along_m), inner);
             return nb::make_tuple(p.x, p.y, p.yaw);
           },
           "along_m"_a, "inner"_a)
      .def("driving",
           [](const Lanes& lanes, double along_m, bool from_inner, double share, double share_per_m) {
             if (!(share >= 0.0 && share <= 1.0 && std::abs(share_per_m) < 1e6)) {
               throw std::invalid_argument("a bot is between its lanes, and changes them at some pace");
             }
             const Pose p = lanes.driving(on_the_lap(along_m), from_inner, share, share_per_m);
             return nb::make_tuple(p.x, p.y, p.yaw);
           },
           "along_m"_a, "from_inner"_a, "share"_a, "share_per_m"_a)
      .def("left_of_centre", [](const Lanes& lanes, double x, double y) { return lanes.left_of_centre({x, y}); },
           "x"_a, "y"_a);
}

}  // namespace paddock
