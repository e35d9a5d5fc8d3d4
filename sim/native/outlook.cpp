#include "outlook.hpp"

#include <cmath>

#include "maths.hpp"

namespace paddock {
namespace {

constexpr double kFinest = 0.1;  // of a pixel: how far a coarser grade may move an edge

}  // namespace

Outlook outlook_of(const Scene& scene, const Lens& lens, const Pose& base) {
  const SinCos yaw = sincos(base.yaw);
  const Mount& m = lens.mount;
  const double x = base.x + m.forward_m * yaw.cosine - m.side_m * yaw.sine - scene.origin().x;
  const double y = base.y + m.forward_m * yaw.sine + m.side_m * yaw.cosine - scene.origin().y;
  Outlook f;
  const auto single = [](double value) { return static_cast<float>(value); };
  f.x = single(x), f.y = single(y);
  f.sine = single(yaw.sine * lens.yaw_cosine + yaw.cosine * lens.yaw_sine);
  f.cosine = single(yaw.cosine * lens.yaw_cosine - yaw.sine * lens.yaw_sine);
  f.pitch_sine = single(lens.sine), f.pitch_cosine = single(lens.cosine);
  f.height_sine = single(m.height_m * lens.sine), f.height_cosine = single(m.height_m * lens.cosine);
  f.focal = single(lens.focal), f.middle_x = single(lens.middle_x), f.middle_y = single(lens.middle_y);
  f.height_m = single(m.height_m);
  f.near_m = single(lens.near_m), f.far_m = single(lens.far_m);
  f.slope = single(lens.middle_x / lens.focal);
  f.leaning = single(std::sqrt(1.0 + lens.cosine * lens.cosine * lens.middle_x * lens.middle_x / (lens.focal * lens.focal)));
  for (std::size_t g = 0; g < kGrades; ++g) f.limit_m[g] = single(kGrade_m[g] * lens.focal / kFinest);
  f.limit_m[0] = 0.0f;
  f.right = lens.size.width * kPart;
  f.bottom = lens.near_y;
  f.top = lens.far_y;
  return f;
}

}  // namespace paddock
