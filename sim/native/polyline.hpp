// A line of straight segments: where is the point nearest to this one, and what lies at that distance along?
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "processor.hpp"

namespace paddock {

struct Point {
  double x;
  double y;
};

struct Projection {
  std::int32_t segment;   // index of the segment, its first point has the same index
  double along_m;         // distance from the start of the line to the nearest point
  double squared_m2;      // squared distance between the two points
  Point point;            // the nearest point on the line
};

// From (x, y) on by (dx, dy); per_squared is one over the square of its length.
struct Segment {
  double x, y, dx, dy, per_squared;
};

struct Nearness {  // of a place to a segment
  double share;       // of the segment's length, where its nearest point is
  double squared_m2;
};

// Beside a segment the distance is computed as GEOS computes it: of two segments equally far, as from a lane's corner
// within a bend, rounding picks the same one.
PADDOCK_INLINE Nearness nearness(const Segment& s, Point p) {
  const double px = p.x - s.x;
  const double py = p.y - s.y;
  double share = (px * s.dx + py * s.dy) * s.per_squared;
  share = share > 0.0 ? share : 0.0;
  share = share < 1.0 ? share : 1.0;
  const double ex = px - share * s.dx;
  const double ey = py - share * s.dy;
  const double across = px * s.dy - py * s.dx;
  const bool beside = (share > 0.0) & (share < 1.0);
  return {share, beside ? across * across * s.per_squared : ex * ex + ey * ey};
}

class Polyline {
 public:
  Polyline() = default;
  // Throws std::invalid_argument for fewer than two points, or segments of no length.
  explicit Polyline(std::vector<Point> points);

  const std::vector<Point>& points() const { return points_; }
  double length_m() const { return length_m_; }
  double start_m(std::size_t segment) const { return start_m_[segment]; }
  double segment_m(std::size_t segment) const { return segment_m_[segment]; }
  const Segment& segment(std::size_t segment) const { return segments_[segment]; }
  std::size_t segments() const { return segments_.size(); }

  // Nearest point on the line, by asking every segment; of several equally near the one that comes first, as in GEOS
  // (LengthIndexOfPoint), on which shapely's project() and so the real simulator stands.
  Projection project(Point p) const;
  // The point at a distance from the start, kept within the line.
  Point at(double along_m) const;
  std::size_t segment_at(double along_m) const;

 private:
  std::vector<Point> points_;
  std::vector<double> start_m_;
  std::vector<double> segment_m_;
  std::vector<Segment> segments_;
  double length_m_ = 0.0;
};

}  // namespace paddock
