#include "features.hpp"

#include <algorithm>

#include "maths.hpp"
#include "processor.hpp"

namespace paddock {
namespace {

static_assert(kLook_m.back() <= kAhead_m);

constexpr auto kPerLook = [] {
  auto per = kLook_m;
  for (double& p : per) p = 1.0 / p;
  return per;
}();

PADDOCK_INLINE float single(double value) { return static_cast<float>(value); }

PADDOCK_INLINE void fill(const Track& track, const Car& car, SinCos yaw, Point front, double along_m, float* out) {
  const Motion& m = car.motion;
  const Samples& line = track.samples();
  const Samples::Spot spot = line.spot(along_m);
  const Pair from = {front.x, front.y};
  const Pair off = from - line.place(spot);
  const Frame here = line.frame(spot);
  const double offset = here.along_x * off[1] - here.along_y * off[0];
  const double half = std::max(offset > 0.0 ? here.left_m : here.right_m, 0.05);
  out[0] = single(std::clamp(offset / half, -3.0, 3.0));
  out[1] = single(yaw.sine * here.along_x - yaw.cosine * here.along_y);
  out[2] = single(yaw.cosine * here.along_x + yaw.sine * here.along_y);
  out[3] = single(m.forward_mps * 0.25);
  out[4] = single(m.sideways_mps);
  out[5] = single(m.yaw_rate * 0.25);
  out[6] = single(m.hinge_rad * 2.0);
  out[7] = single(car.command.steering_rad * 2.0);
  out[8] = single(car.command.speed_mps * 0.25);
  out[9] = single(here.left_m);
  out[10] = single(here.right_m);
  const Pair ahead_of = {yaw.cosine, yaw.cosine};
  const Pair left_of = {yaw.sine, -yaw.sine};
  for (std::size_t i = 0; i < kLook_m.size(); ++i) {
    const Pair way = line.place(line.spot(along_m + kLook_m[i])) - from;
    const Pair seen = (way * ahead_of + Pair{way[1], way[0]} * left_of) * kPerLook[i];
    out[11 + 2 * i] = single(seen[0]);
    out[12 + 2 * i] = single(seen[1]);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const Frame wide = line.frame(line.spot(along_m + kLook_m[i == 0 ? 2 : 4]));
    out[kFeatures - 2 + i] = single(0.5 * (wide.left_m + wide.right_m));
  }
}

}  // namespace

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void fill_avx2(const Track& track, const Car& car, SinCos yaw, Point front, double along_m, float* out) {
  fill(track, car, yaw, front, along_m, out);
}
#endif

void write_features(const Track& track, const Car& car, SinCos yaw, Point front, double along_m, float* out) {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return fill_avx2(track, car, yaw, front, along_m, out);
#endif
  fill(track, car, yaw, front, along_m, out);
}

}  // namespace paddock
