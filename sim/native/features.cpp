#include "features.hpp"

#include <algorithm>

#include "maths.hpp"

namespace paddock {
namespace {

float single(double value) { return static_cast<float>(value); }

}  // namespace

void write_features(const Track& track, const Car& car, SinCos yaw, Point front, double along_m, float* out) {
  const Motion& m = car.motion;
  const Sample here = track.sample(along_m);
  const double offset = here.along_x * (front.y - here.y) - here.along_y * (front.x - here.x);
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
  float* next = out + 11;
  for (std::size_t i = 0; i < kLook_m.size(); ++i) {
    const Sample ahead = track.sample(along_m + kLook_m[i]);
    const double dx = ahead.x - front.x;
    const double dy = ahead.y - front.y;
    const double per_m = 1.0 / kLook_m[i];
    *next++ = single((dx * yaw.cosine + dy * yaw.sine) * per_m);
    *next++ = single((dy * yaw.cosine - dx * yaw.sine) * per_m);
    if (i == 2 || i == 4) out[kFeatures - (i == 2 ? 2 : 1)] = single(0.5 * (ahead.left_m + ahead.right_m));
  }
}

}  // namespace paddock
