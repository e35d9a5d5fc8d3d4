#include "view.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "maths.hpp"

namespace paddock {
namespace {

constexpr double kShadedWall = 0.85;      // two of the four walls are darker, so that corners show
constexpr double kSkySpan = 0.5;          // slope at which the sky has its upper grey
constexpr double kNearest_m = 0.02;

std::int32_t whole(double grey) { return static_cast<std::int32_t>(std::clamp(grey, 0.0, 255.0) + 0.5); }

double mixed(double from, double to, double share) { return from + share * (to - from); }

}  // namespace

Lens::Lens(const PictureSize& picture, const Mount& where) : size(picture), mount(where) {
  if (size.width < 8 || size.height < 8 || size.width > 1920 || size.height > 1440) {
    throw std::invalid_argument("a picture is 8 x 8 to 1920 x 1440 pixels");
  }
  for (const double value : {mount.forward_m, mount.side_m, mount.yaw_rad}) {
    if (!(std::abs(value) <= 3.2)) throw std::invalid_argument("a camera is not mounted so far from the car");
  }
  if (!(mount.height_m >= 0.03 && mount.height_m <= 50.0)) {
    throw std::invalid_argument("a camera's height is 0.03 to 50 m");
  }
  if (!(mount.pitch_rad >= 0.0 && mount.pitch_rad <= 1.4)) throw std::invalid_argument("a camera's pitch is 0 to 1.4");
  if (!(mount.field_of_view_rad >= 0.2 && mount.field_of_view_rad <= 2.6)) {
    throw std::invalid_argument("a camera's field of view is 0.2 to 2.6 rad");
  }
  const SinCos pitch = sincos(mount.pitch_rad);
  const SinCos yaw = sincos(mount.yaw_rad);
  const SinCos half = sincos(0.5 * mount.field_of_view_rad);
  sine = pitch.sine, cosine = pitch.cosine;
  yaw_sine = yaw.sine, yaw_cosine = yaw.cosine;
  middle_x = 0.5 * size.width;
  middle_y = 0.5 * size.height;
  focal = middle_x * half.cosine / half.sine;
  horizon_y = middle_y - focal * sine / cosine;
  const auto row_of = [&](double ahead_m) {
    return middle_y + focal * (mount.height_m * cosine - ahead_m * sine) / (ahead_m * cosine + mount.height_m * sine);
  };
  near_m = std::max(kNearest_m, ground_ahead_m(size.height));
  far_m = kFarthest_m;
  if (horizon_y < 0.0 && ground_ahead_m(0.0) > 0.0) far_m = std::min(far_m, ground_ahead_m(0.0));
  near_m = std::min(near_m, far_m);
  near_y = std::clamp(part_of(std::max(0.0, row_of(near_m))), 0, size.height * kPart);
  far_y = std::clamp(part_of(std::max(0.0, row_of(far_m))), 0, near_y);
}

double Lens::ground_ahead_m(double y) const {
  const double down = (y - middle_y) / focal;
  return mount.height_m * (cosine - down * sine) / (sine + down * cosine);
}

View::View(const PictureSize& size, const Mount& mount, const Palette& palette, double dash_share)
    : lens_(size, mount), palette_(palette) {
  wall_grey_ = {whole(palette.wall), whole(kShadedWall * palette.wall)};
  for (auto& weights : weights_) weights.reserve(static_cast<std::size_t>(size.height));
  for (std::int32_t row = 0; row < size.height; ++row) {
    const double above = std::clamp(lens_.horizon_y - row, 0.0, 1.0);  // the part of the row that is sky
    const double lower = std::max(row + 0.5, lens_.horizon_y + 0.5);
    const double ahead_m = std::clamp(lens_.ground_ahead_m(lower), 0.0, kFarthest_m);
    const double haze = palette.haze_m > 0.0 ? 1.0 - exponential(-ahead_m / palette.haze_m) : 0.0;
    const auto hazy = [&](double grey) { return whole(mixed(grey, palette.sky_horizon, haze)); };
    const std::int32_t field = hazy(palette.field);
    const std::int32_t line = hazy(palette.line);
    const std::int32_t road = hazy(palette.road);
    const double up = std::clamp((lens_.horizon_y - row - 0.5) / (lens_.focal * kSkySpan), 0.0, 1.0);
    const double sky = mixed(palette.sky_horizon, palette.sky_top, up);
    const std::int32_t base = whole(mixed(field, sky, above));
    base_.push_back(base);
    weights_[0].push_back(line - field);
    weights_[1].push_back(road - line);
    const std::int32_t dash = hazy(palette.dash);
    weights_[2].push_back(dash - road);
    weights_[3].push_back(whole(mixed(road, dash, dash_share)) - road);
    for (std::size_t k = 0; k < kWallShades; ++k) weights_[kLayers + k].push_back(wall_grey_[k] - base);
  }
}

}  // namespace paddock
