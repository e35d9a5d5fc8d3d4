#include "bind_camera.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/shared_ptr.h>

#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "bind_settings.hpp"
#include "picture.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace paddock {
namespace {

template <typename Struct>
Struct filled(const nb::dict& settings, const char* name) {
  constexpr std::size_t count = sizeof(Struct) / sizeof(double);
  return std::bit_cast<Struct>(setting<std::array<double, count>>(settings, name));
}

// What is drawn at any place, without cars: for pictures.
struct StillCamera {
  Scene scene;
  View view;
  StillCamera(const Track& track, const CameraRules& rules)
      : scene(track, rules.marking), view(rules.size, rules.mount, rules.palette, scene.dash_share()) {}
};

using SolidRows = nb::ndarray<const double, nb::shape<-1, 7>, nb::c_contig, nb::device::cpu>;
using PictureOut = nb::ndarray<std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void draw_still(const StillCamera& camera, double x, double y, double yaw, const SolidRows& rows, PictureOut out) {
  const PictureSize& size = camera.view.lens().size;
  if (out.shape(0) != static_cast<std::size_t>(size.height) || out.shape(1) != static_cast<std::size_t>(size.width)) {
    throw std::invalid_argument("out has another size than the camera's picture");
  }
  for (const double value : {x, y, yaw}) {
    if (!(std::abs(value) < 1e5)) throw std::invalid_argument("a pose holds no number that the track can have");
  }
  std::vector<Solid> solids;
  for (std::size_t k = 0; k < rows.shape(0); ++k) {
    for (std::size_t c = 0; c < 7; ++c) {
      if (!(std::abs(rows(k, c)) < 1e5)) throw std::invalid_argument("a solid holds a number that nothing can have");
    }
    const double kind = rows(k, 6);
    if (!(kind == 0.0 || kind == 1.0 || kind == 2.0)) throw std::invalid_argument("unknown kind of solid");
    solids.push_back({rows(k, 0), rows(k, 1), rows(k, 2), rows(k, 3), rows(k, 4), rows(k, 5),
                      static_cast<SolidKind>(static_cast<std::uint8_t>(kind))});
  }
  const nb::gil_scoped_release release;
  Easel easel;
  draw(camera.scene, camera.view, {x, y, yaw}, solids, easel, out.data());
}

}  // namespace

std::optional<CameraRules> camera_rules(nb::handle settings) {
  if (settings.is_none()) return std::nullopt;
  const nb::dict values = settings_of(settings, "a camera");
  CameraRules rules;
  rules.size = {setting<std::int32_t>(values, "width"), setting<std::int32_t>(values, "height")};
  rules.eyes = setting<std::size_t>(values, "eyes");
  rules.apart_m = setting<double>(values, "apart_m");
  rules.mount = filled<Mount>(values, "mount");
  rules.marking = filled<Marking>(values, "marking");
  rules.palette = filled<Palette>(values, "palette");
  rules.spread = filled<CameraSpread>(values, "spread");
  return checked(rules);
}

void bind_camera(nb::module_& m) {
  nb::class_<StillCamera>(m, "StillCamera")
      .def("__init__", [](StillCamera* self, const Track& track, const nb::dict& settings) {
        new (self) StillCamera(track, *camera_rules(settings));
      }, "track"_a, "settings"_a)
      .def("draw", &draw_still, "x"_a, "y"_a, "yaw"_a, "solids"_a.noconvert(), "out"_a.noconvert());
}

}  // namespace paddock
