// A line of straight segments that answers "where along you is the point nearest to this one?" fast and exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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

class Polyline {
 public:
  Polyline() = default;
  // Throws std::invalid_argument for fewer than two points, or segments of no length.
  Polyline(std::vector<Point> points, double margin_m);

  const std::vector<Point>& points() const { return points_; }
  double length_m() const { return length_m_; }
  double start_m(std::size_t segment) const { return start_m_[segment]; }
  double segment_m(std::size_t segment) const { return segment_m_[segment]; }
  std::size_t segments() const { return segment_m_.size(); }

  // Nearest point on the line; of several equally near the one that comes first, as in GEOS
  // (LengthIndexOfPoint), on which shapely's project() and so the real simulator stands.
  Projection project(Point p) const;
  // The same by asking every segment; the tests hold the two equal.
  Projection project_slowly(Point p) const;
  // The point at a distance from the start, kept within the line.
  Point at(double along_m) const;
  std::size_t segment_at(double along_m) const;

 private:
  void consider(std::int32_t segment, Point p, Projection& best) const;
  void finish(Point p, Projection& best) const;
  double distance_to(std::int32_t segment, Point p) const;
  void build_grid(double margin_m);

  std::vector<Point> points_;
  std::vector<double> start_m_;
  std::vector<double> segment_m_;
  struct Segment {  // what the search reads, side by side
    double x, y, dx, dy, squared_m2, per_squared;
  };
  std::vector<Segment> search_;
  double length_m_ = 0.0;

  // For each square cell the segments that can be nearest to a point in it, in rising order.
  Point corner_{};
  double per_cell_ = 0.0;
  std::int32_t columns_ = 0;
  std::int32_t rows_ = 0;
  std::vector<std::uint32_t> first_;
  std::vector<std::int32_t> candidates_;
};

}  // namespace paddock
