#include "polyline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace paddock {

Polyline::Polyline(std::vector<Point> points) : points_(std::move(points)) {
  if (points_.size() < 2) throw std::invalid_argument("a line needs at least two points");
  for (std::size_t i = 0; i + 1 < points_.size(); ++i) {
    const double dx = points_[i + 1].x - points_[i].x;
    const double dy = points_[i + 1].y - points_[i].y;
    const double squared = dx * dx + dy * dy;
    if (!(squared > 0.0)) throw std::invalid_argument("two consecutive points of a line are the same");
    segments_.push_back({points_[i].x, points_[i].y, dx, dy, 1.0 / squared});
    start_m_.push_back(length_m_);
    segment_m_.push_back(std::sqrt(squared));
    length_m_ += segment_m_.back();
  }
}

Projection Polyline::project(Point p) const {
  std::size_t best = 0;
  Nearness nearest{0.0, std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Nearness found = nearness(segments_[i], p);
    if (found.squared_m2 < nearest.squared_m2) {
      nearest = found;
      best = i;
    }
  }
  const Segment& s = segments_[best];
  return {static_cast<std::int32_t>(best), start_m_[best] + nearest.share * segment_m_[best], nearest.squared_m2,
          {s.x + nearest.share * s.dx, s.y + nearest.share * s.dy}};
}

std::size_t Polyline::segment_at(double along_m) const {
  const auto next = std::upper_bound(start_m_.begin(), start_m_.end(), along_m);
  return next == start_m_.begin() ? 0 : static_cast<std::size_t>(next - start_m_.begin()) - 1;
}

Point Polyline::at(double along_m) const {
  const std::size_t i = segment_at(along_m);
  const double factor = std::min(1.0, std::max(0.0, (along_m - start_m_[i]) / segment_m_[i]));
  const Point a = points_[i];
  const Point b = points_[i + 1];
  return {(b.x - a.x) * factor + a.x, (b.y - a.y) * factor + a.y};
}

}  // namespace paddock
