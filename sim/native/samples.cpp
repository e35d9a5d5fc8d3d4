#include "samples.hpp"

#include <algorithm>
#include <cmath>

namespace paddock {
namespace {

constexpr double kSample_m = 0.05;
constexpr double kMostSamples = 50000.0;

double distance(Point a, Point b) { return std::sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)); }

}  // namespace

Samples::Samples(const Polyline& centre, const Beside& left, const Beside& right, bool closed) {
  const double length = centre.length_m();
  const auto steps = static_cast<std::size_t>(length / std::max(kSample_m, length / kMostSamples)) + 1;
  const double step_m = length / static_cast<double>(steps);
  per_sample_ = 1.0 / step_m;
  for (std::size_t i = 0; i <= steps; ++i) {
    const double along = static_cast<double>(i) * step_m;
    double before = along - step_m;
    double after = along + step_m;
    if (closed && before < 0.0) before += length;
    if (closed && after > length) after -= length;
    const Point here = centre.at(along);
    const Point a = centre.at(before);
    const Point b = centre.at(after);
    const double way = std::max(distance(a, b), 1e-12);
    places_.push_back(Pair{here.x, here.y});
    frames_.push_back({(b.x - a.x) / way, (b.y - a.y) / way, distance(here, left.point(along, here)),
                       distance(here, right.point(along, here))});
  }
  const auto beyond = static_cast<std::size_t>(kAhead_m * per_sample_) + 2;
  for (std::size_t i = 1; i <= beyond; ++i) {
    const Frame end = frames_[closed ? i : steps];
    const double on_m = static_cast<double>(i) * step_m;
    const Pair past = closed ? places_[i] : places_[steps] + on_m * Pair{end.along_x, end.along_y};
    places_.push_back(past);
    frames_.push_back(end);
  }
}

}  // namespace paddock
