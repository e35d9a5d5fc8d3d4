#include "camera.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "maths.hpp"
#include "processor.hpp"

namespace paddock {
namespace {

constexpr std::uint64_t kOwnStream = 0x63616D657261ULL;  // "camera": apart from the stream of starts and LIDAR
constexpr double kJump_m = 0.6;        // farther in a step is no driving
constexpr double kNoiseUnit = 1024.0;  // of the table
constexpr double kSigmaUnit = 64.0;
constexpr std::size_t kNoiseStarts = 8192;

// Normal numbers, the same for all; every row of every picture begins somewhere else in them.
struct NoiseTable {
  std::array<std::int16_t, kNoiseStarts + 2048> values;
  NoiseTable() {
    Random random(kOwnStream, 0, 0);
    for (auto& value : values) {
      value = static_cast<std::int16_t>(nearest(std::clamp(random.normal(), -4.0, 4.0) * kNoiseUnit));
    }
  }
};

PADDOCK_INLINE void shift_row(const std::int16_t* noise, std::int32_t sigma, std::int32_t width, std::uint8_t* row) {
  for (std::int32_t c = 0; c < width; ++c) {
    const std::int32_t value = row[c] + ((noise[c] * sigma + 32768) >> 16);
    row[c] = static_cast<std::uint8_t>(value < 0 ? 0 : (value > 255 ? 255 : value));
  }
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void shift_row_avx2(const std::int16_t* noise, std::int32_t sigma, std::int32_t width,
                                 std::uint8_t* row) {
  shift_row(noise, sigma, width, row);
}
#endif

void weave(const std::uint8_t* __restrict left, const std::uint8_t* __restrict right, std::size_t pixels,
           std::uint8_t* __restrict out) {
  for (std::size_t k = 0; k < pixels; ++k) {
    out[2 * k] = left[k];
    out[2 * k + 1] = right[k];
  }
}

double drawn(Random& random, double most) { return most * (2.0 * random.uniform() - 1.0); }

}  // namespace

CameraRules checked(const CameraRules& rules) {
  if (rules.eyes < 1 || rules.eyes > 2) throw std::invalid_argument("a camera has one eye or two");
  if (!(rules.apart_m >= 0.0 && rules.apart_m <= 1.0)) throw std::invalid_argument("eyes are at most 1 m apart");
  const auto greys = std::bit_cast<std::array<double, kPaletteNumbers>>(rules.palette);
  for (std::size_t k = 0; k + 1 < greys.size(); ++k) {
    if (!(greys[k] >= 0.0 && greys[k] <= 255.0)) throw std::invalid_argument("a look's greys are 0 to 255");
  }
  if (!(rules.palette.haze_m >= 0.0 && rules.palette.haze_m < 1e6)) throw std::invalid_argument("haze_m is no distance");
  const CameraSpread& s = rules.spread;
  const double limits[kSpreadNumbers] = {255.0, 0.9, 255.0, 64.0, 0.1, 0.1, 0.1, 0.3, 0.6, 0.6, 2.0};
  const auto values = std::bit_cast<std::array<double, kSpreadNumbers>>(s);
  for (std::size_t k = 0; k < kSpreadNumbers; ++k) {
    if (!(values[k] >= 0.0 && values[k] <= limits[k])) {
      throw std::invalid_argument("a random spread of the camera is negative or too wide");
    }
  }
  const Mount& m = rules.mount;
  if (m.height_m - s.height_m < 0.03 || m.pitch_rad - s.pitch_rad < 0.0 || m.field_of_view_rad - s.field_of_view_rad < 0.2) {
    throw std::invalid_argument("the camera's spread reaches where no camera can be");
  }
  const Lens lens(rules.size, m);  // says what else is wrong
  (void)lens;
  return rules;
}

Cameras::Cameras(const Track& track, const CameraRules& rules, std::size_t cars)
    : rules_(checked(rules)), scene_(track, rules.marking), shared_(views_for(rules.mount, rules.palette)),
      sights_(cars) {}

Cameras::Views Cameras::views_for(const Mount& mount, const Palette& palette) const {
  Views views;
  for (std::size_t eye = 0; eye < rules_.eyes; ++eye) {
    Mount at = mount;
    if (rules_.eyes == 2) at.side_m += eye == 0 ? 0.5 * rules_.apart_m : -0.5 * rules_.apart_m;
    views[eye].emplace(rules_.size, at, palette, scene_.dash_share());
  }
  return views;
}

void Cameras::begin(std::size_t i, std::uint64_t seed, std::uint64_t number, std::uint64_t episode) {
  Sight& sight = sights_[i];
  const CameraSpread& s = rules_.spread;
  sight.fresh = true;
  sight.random = Random(seed ^ kOwnStream, number, episode);
  Random& random = sight.random;
  const double light = drawn(random, s.light);
  const double contrast = 1.0 + drawn(random, s.contrast);
  auto greys = std::bit_cast<std::array<double, kPaletteNumbers>>(rules_.palette);
  for (std::size_t k = 0; k + 1 < greys.size(); ++k) {
    const double own = greys[k] + drawn(random, s.colour);
    greys[k] = std::clamp(127.5 + contrast * (own - 127.5) + light, 0.0, 255.0);
  }
  Mount mount = rules_.mount;
  mount.forward_m += drawn(random, s.forward_m);
  mount.side_m += drawn(random, s.side_m);
  mount.height_m += drawn(random, s.height_m);
  mount.pitch_rad += drawn(random, s.pitch_rad);
  mount.yaw_rad += drawn(random, s.yaw_rad);
  mount.field_of_view_rad += drawn(random, s.field_of_view_rad);
  sight.late_steps = s.late_steps * random.uniform();
  const bool changed = s.light > 0.0 || s.contrast > 0.0 || s.colour > 0.0 || s.forward_m > 0.0 || s.side_m > 0.0 ||
                       s.height_m > 0.0 || s.pitch_rad > 0.0 || s.yaw_rad > 0.0 || s.field_of_view_rad > 0.0;
  if (!changed) return;
  sight.own = views_for(mount, std::bit_cast<Palette>(greys));
}

// Where the car was when the picture was taken: between rows, but not on the way of a car that was put elsewhere.
Pose Cameras::seen_from(Sight& sight, const Pose& pose) const {
  if (sight.fresh) sight.was.fill(pose);
  sight.fresh = false;
  sight.was = {pose, sight.was[0], sight.was[1]};
  const auto whole = std::min<std::size_t>(1, static_cast<std::size_t>(sight.late_steps));
  const double part = sight.late_steps - static_cast<double>(whole);
  if (part == 0.0) return sight.was[whole];
  const Pose& newer = sight.was[whole];
  const Pose& older = sight.was[whole + 1];
  const double dx = older.x - newer.x;
  const double dy = older.y - newer.y;
  if (dx * dx + dy * dy > kJump_m * kJump_m) return part < 0.5 ? newer : older;
  return {newer.x + part * dx, newer.y + part * dy, newer.yaw + part * wrap_angle(older.yaw - newer.yaw)};
}

void Cameras::see(std::size_t i, const Pose& pose, std::span<const Solid> solids, std::uint8_t* out) {
  thread_local Easel easel;
  Sight& sight = sights_[i];
  const Pose from = seen_from(sight, pose);
  const Views& views = sight.own[0] ? sight.own : shared_;
  if (rules_.eyes == 1) {
    draw(scene_, *views[0], from, solids, easel, out);
    if (rules_.spread.noise > 0.0) add_noise(sight.random, out);
    return;
  }
  easel.fit(rules_.size);
  for (std::size_t eye = 0; eye < rules_.eyes; ++eye) {
    draw(scene_, *views[eye], from, solids, easel, easel.eyes[eye].data());
    if (rules_.spread.noise > 0.0) add_noise(sight.random, easel.eyes[eye].data());
  }
  weave(easel.eyes[0].data(), easel.eyes[1].data(), rules_.bytes() / 2, out);
}

void Cameras::add_noise(Random& random, std::uint8_t* out) const {
  static const NoiseTable table;
  const auto sigma = static_cast<std::int32_t>(rules_.spread.noise * kSigmaUnit + 0.5);
  std::uint64_t bits = 0;
  for (std::int32_t row = 0; row < rules_.size.height; ++row) {
    if (row % 4 == 0) bits = random.bits();
    const std::int16_t* noise = &table.values[bits % kNoiseStarts];
    bits >>= 16;
    std::uint8_t* at = out + static_cast<std::ptrdiff_t>(row) * rules_.size.width;
#ifdef PADDOCK_AVX2
    if (kHasAvx2) {
      shift_row_avx2(noise, sigma, rules_.size.width, at);
      continue;
    }
#endif
    shift_row(noise, sigma, rules_.size.width, at);
  }
}

}  // namespace paddock
