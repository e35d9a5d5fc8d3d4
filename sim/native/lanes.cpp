#include "lanes.hpp"

#include <algorithm>
#include <cmath>

#include "maths.hpp"

namespace paddock {
namespace {

constexpr double kStrip_m = 0.1;

Point midway(Point a, Point b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

}  // namespace

Lanes::Lanes(const Track& track) : track_(track) {
  const auto& centre = track.centre().points();
  std::vector<Point> in, out;
  for (std::size_t i = 0; i < centre.size(); ++i) {
    in.push_back(midway(track.inner_at(i), centre[i]));
    out.push_back(midway(track.outer_at(i), centre[i]));
  }
  inner_ = curve_through(in);
  outer_ = curve_through(out);
  build_halves();
}

// Derivatives at the points are those of the parabola through a point and its two neighbours.
std::vector<Lanes::Knot> Lanes::curve_through(const std::vector<Point>& points) const {
  const Polyline& centre = track_.centre();
  const std::size_t segments = centre.segments();
  std::vector<Point> slope(segments);
  for (std::size_t i = 0; i < segments; ++i) {
    const double length = centre.segment_m(i);
    slope[i] = {(points[i + 1].x - points[i].x) / length, (points[i + 1].y - points[i].y) / length};
  }
  std::vector<Knot> knots;
  for (std::size_t i = 0; i <= segments; ++i) {
    const bool end = i == 0 || i == segments;
    const std::size_t before = i == 0 ? (track_.closed() ? segments - 1 : 0) : i - 1;
    const std::size_t after = i == segments ? (track_.closed() ? 0 : segments - 1) : i;
    const double back = centre.segment_m(before);
    const double ahead = centre.segment_m(after);
    const double share = end && !track_.closed() ? 0.5 : ahead / (back + ahead);
    knots.push_back({points[i].x, points[i].y, share * slope[before].x + (1.0 - share) * slope[after].x,
                     share * slope[before].y + (1.0 - share) * slope[after].y});
  }
  return knots;
}

// Cubic Hermite interpolation between two knots, with its derivative.
Lanes::Knot Lanes::at(const std::vector<Knot>& curve, double along_m) const {
  const Polyline& centre = track_.centre();
  const std::size_t i = centre.segment_at(along_m);
  const double length = centre.segment_m(i);
  const double t = std::clamp((along_m - centre.start_m(i)) / length, 0.0, 1.0);
  const Knot& a = curve[i];
  const Knot& b = curve[i + 1];
  const double u = 1.0 - t;
  const double from_a = (1.0 + 2.0 * t) * u * u, from_b = t * t * (3.0 - 2.0 * t);
  const double lean_a = t * u * u * length, lean_b = -t * t * u * length;
  const double turn = 6.0 * t * u / length, turn_a = u * (1.0 - 3.0 * t), turn_b = t * (3.0 * t - 2.0);
  return {from_a * a.x + from_b * b.x + lean_a * a.dx + lean_b * b.dx,
          from_a * a.y + from_b * b.y + lean_a * a.dy + lean_b * b.dy,
          turn * (b.x - a.x) + turn_a * a.dx + turn_b * b.dx, turn * (b.y - a.y) + turn_a * a.dy + turn_b * b.dy};
}

Pose Lanes::standing(double along_m, bool inner) const {
  const Polyline& lane = track_.lane(inner);
  const double along_lane_m = lane.project(track_.centre().at(along_m)).along_m;
  const std::size_t segment = lane.segment_at(along_lane_m);
  const Point here = lane.at(along_lane_m);
  const Point a = lane.points()[segment];
  const Point b = lane.points()[segment + 1];
  return {here.x, here.y, arctan2(b.y - a.y, b.x - a.x)};
}

Pose Lanes::driving(double along_m, bool from_inner, double share, double share_per_m) const {
  const Knot from = at(from_inner ? inner_ : outer_, along_m);
  const Knot to = at(from_inner ? outer_ : inner_, along_m);
  const double dx = from.dx + share * (to.dx - from.dx) + share_per_m * (to.x - from.x);
  const double dy = from.dy + share * (to.dy - from.dy) + share_per_m * (to.y - from.y);
  return {from.x + share * (to.x - from.x), from.y + share * (to.y - from.y), arctan2(dy, dx)};
}

void Lanes::build_halves() {
  const auto& centre = track_.centre().points();
  const std::size_t count = centre.size();
  for (std::size_t i = 0; i + 1 < count; ++i) {
    edges_.push_back({centre[i], centre[i + 1]});
    edges_.push_back({track_.inner_at(i), track_.inner_at(i + 1)});
  }
  if (!track_.closed()) {
    edges_.push_back({centre[0], track_.inner_at(0)});
    edges_.push_back({centre[count - 1], track_.inner_at(count - 1)});
  }
  double low = centre[0].y;
  double high = low;
  for (const Edge& edge : edges_) {
    low = std::min({low, edge.a.y, edge.b.y});
    high = std::max({high, edge.a.y, edge.b.y});
  }
  bottom_ = low;
  per_strip_ = 1.0 / std::max(kStrip_m, (high - low) / 2000.0);
  const auto strips = static_cast<std::size_t>((high - low) * per_strip_) + 1;
  std::vector<std::vector<std::uint32_t>> inside(strips);
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    // A hair wider than the edge, so that rounding cannot lose it.
    const double from = (std::min(edges_[i].a.y, edges_[i].b.y) - bottom_) * per_strip_ - 1e-6;
    const double to = (std::max(edges_[i].a.y, edges_[i].b.y) - bottom_) * per_strip_ + 1e-6;
    const auto first = static_cast<std::size_t>(std::max(0.0, from));
    for (std::size_t strip = first; strip < strips && static_cast<double>(strip) <= to; ++strip) {
      inside[strip].push_back(static_cast<std::uint32_t>(i));
    }
  }
  strip_first_.assign(1, 0);
  for (const auto& strip : inside) {
    strip_edges_.insert(strip_edges_.end(), strip.begin(), strip.end());
    strip_first_.push_back(static_cast<std::uint32_t>(strip_edges_.size()));
  }
}

bool Lanes::left_of_centre(Point p) const {
  const double strip = (p.y - bottom_) * per_strip_;
  bool in_inner_half = false;
  if (strip >= 0.0 && strip < static_cast<double>(strip_first_.size() - 1)) {
    const auto row = static_cast<std::size_t>(strip);
    for (std::uint32_t i = strip_first_[row]; i < strip_first_[row + 1]; ++i) {
      const Edge& edge = edges_[strip_edges_[i]];
      if ((edge.a.y > p.y) == (edge.b.y > p.y)) continue;
      in_inner_half ^= p.x < (edge.b.x - edge.a.x) * (p.y - edge.a.y) / (edge.b.y - edge.a.y) + edge.a.x;
    }
  }
  return in_inner_half == track_.inner_is_left();
}

}  // namespace paddock
