// One way of looking: where the camera sits on the car, its lens, and the grey of everything, row by row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "coverage.hpp"
#include "scene.hpp"

namespace paddock {

struct PictureSize {
  std::int32_t width = 160;
  std::int32_t height = 120;
};

struct Mount {  // of the lens, from the car's base
  double forward_m = 0.145;
  double side_m = 0.0;           // left positive
  double height_m = 0.130;
  double pitch_rad = 0.2618;     // down
  double yaw_rad = 0.0;          // left positive
  double field_of_view_rad = 1.13;  // across the picture
};

struct Palette {  // greys, 0 to 255; the order is that of sim/looks.py
  double field, road, line, dash, sky_top, sky_horizon, wall, box, bot;
  double haze_m;  // distance at which the ground has taken on 63 % of the horizon's grey; 0: clear air
};
inline constexpr std::size_t kPaletteNumbers = sizeof(Palette) / sizeof(double);

inline constexpr double kFarthest_m = 40.0;   // ground beyond is field
inline constexpr std::size_t kWallShades = 2;

// A pinhole looking down at a flat ground: u = middle - focal * left / depth, v = middle + focal * down / depth.
struct Lens {
  PictureSize size;
  Mount mount;
  double sine, cosine;          // of the pitch
  double yaw_sine, yaw_cosine;
  double focal, middle_x, middle_y;  // pixels
  double near_m, far_m;         // ground that the picture shows, measured ahead of the lens
  std::int32_t near_y, far_y;   // where that is, in 1 / kPart of a pixel
  double horizon_y;

  Lens(const PictureSize& size, const Mount& mount);
  // Metres ahead at which the ground is seen at height y of the picture; negative or huge above the horizon.
  double ground_ahead_m(double y) const;
};

class View {
 public:
  // dash_share: how much of the centre line the dashes are, as Scene::dash_share() says.
  View(const PictureSize& size, const Mount& mount, const Palette& palette, double dash_share);

  const Lens& lens() const { return lens_; }
  const Palette& palette() const { return palette_; }
  const std::int32_t* base() const { return base_.data(); }                 // grey where nothing is drawn, per row
  // What a layer of the ground adds to what is below it, per row; from kLayers on, a wall's shades to the base.
  const std::int32_t* layer(std::size_t k) const { return weights_[k].data(); }
  std::int32_t wall_grey(std::size_t shade) const { return wall_grey_[shade]; }

 private:
  Lens lens_;
  Palette palette_;
  std::vector<std::int32_t> base_;
  std::array<std::vector<std::int32_t>, kLayers + kWallShades> weights_;
  std::array<std::int32_t, kWallShades> wall_grey_{};
};

}  // namespace paddock
