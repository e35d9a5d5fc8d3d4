#include "polyline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace paddock {
namespace {

constexpr std::int32_t kBlock = 8;  // cells to a side of the coarse square that prepares its cells
constexpr double kCell_m = 0.06;
constexpr double kMostCells = 400000.0;

double square(double v) { return v * v; }

}  // namespace

Polyline::Polyline(std::vector<Point> points, double margin_m) : points_(std::move(points)) {
  if (points_.size() < 2) throw std::invalid_argument("a line needs at least two points");
  for (std::size_t i = 0; i + 1 < points_.size(); ++i) {
    const double squared = square(points_[i + 1].x - points_[i].x) + square(points_[i + 1].y - points_[i].y);
    if (!(squared > 0.0)) throw std::invalid_argument("two consecutive points of a line are the same");
    start_m_.push_back(length_m_);
    search_.push_back({points_[i].x, points_[i].y, points_[i + 1].x - points_[i].x, points_[i + 1].y - points_[i].y,
                       squared, 1.0 / squared});
    segment_m_.push_back(std::sqrt(squared));
    length_m_ += segment_m_.back();
  }
  build_grid(margin_m);
}

void Polyline::consider(std::int32_t segment, Point p, Projection& best) const {
  const Segment& s = search_[segment];
  const double px = p.x - s.x;
  const double py = p.y - s.y;
  const double factor = (px * s.dx + py * s.dy) * s.per_squared;
  double squared;
  if (factor <= 0.0) {
    squared = square(px) + square(py);
  } else if (factor >= 1.0) {
    squared = square(p.x - points_[segment + 1].x) + square(p.y - points_[segment + 1].y);
  } else {
    squared = square(px * s.dy - py * s.dx) * s.per_squared;
  }
  if (squared < best.squared_m2) {
    best.squared_m2 = squared;
    best.segment = segment;
    best.along_m = factor;
  }
}

// Until here along_m held the place within the segment as a fraction.
void Polyline::finish(Point, Projection& best) const {
  const double factor = std::min(1.0, std::max(0.0, best.along_m));
  const Point a = points_[best.segment];
  const Point b = points_[best.segment + 1];
  best.point = {(b.x - a.x) * factor + a.x, (b.y - a.y) * factor + a.y};
  best.along_m = start_m_[best.segment] + factor * segment_m_[best.segment];
}

Projection Polyline::project_slowly(Point p) const {
  Projection best{0, 0.0, std::numeric_limits<double>::infinity(), {}};
  for (std::size_t i = 0; i < segment_m_.size(); ++i) consider(static_cast<std::int32_t>(i), p, best);
  finish(p, best);
  return best;
}

Projection Polyline::project(Point p) const {
  const double column = (p.x - corner_.x) * per_cell_;
  const double row = (p.y - corner_.y) * per_cell_;
  if (!(column >= 0.0 && row >= 0.0 && column < columns_ && row < rows_)) return project_slowly(p);
  const std::size_t cell = static_cast<std::size_t>(static_cast<std::int32_t>(row)) * columns_ +
                           static_cast<std::size_t>(static_cast<std::int32_t>(column));
  Projection best{0, 0.0, std::numeric_limits<double>::infinity(), {}};
  for (std::uint32_t i = first_[cell]; i < first_[cell + 1]; ++i) consider(candidates_[i], p, best);
  finish(p, best);
  return best;
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

double Polyline::distance_to(std::int32_t segment, Point p) const {
  Projection best{0, 0.0, std::numeric_limits<double>::infinity(), {}};
  consider(segment, p, best);
  return std::sqrt(best.squared_m2);
}

// A segment can be nearest somewhere in a square only if it is no farther from the square's middle than the
// nearest segment plus the square's diagonal: distance changes by at most the way one moves.
void Polyline::build_grid(double margin_m) {
  Point low = points_[0];
  Point high = points_[0];
  for (const Point& p : points_) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  const double width = high.x - low.x + 2.0 * margin_m;
  const double height = high.y - low.y + 2.0 * margin_m;
  const double cell_m = std::max(kCell_m, std::sqrt(width * height / kMostCells));
  corner_ = {low.x - margin_m, low.y - margin_m};
  per_cell_ = 1.0 / cell_m;
  columns_ = static_cast<std::int32_t>(width * per_cell_) + 1;
  rows_ = static_cast<std::int32_t>(height * per_cell_) + 1;
  const auto near = [&](const std::vector<std::int32_t>& among, Point middle, double reach_m,
                        std::vector<std::int32_t>& found) {
    thread_local std::vector<double> distances;
    distances.clear();
    double least = std::numeric_limits<double>::infinity();
    for (const std::int32_t s : among) {
      distances.push_back(distance_to(s, middle));
      least = std::min(least, distances.back());
    }
    found.clear();
    for (std::size_t k = 0; k < among.size(); ++k) {
      if (distances[k] <= least + reach_m) found.push_back(among[k]);
    }
  };
  std::vector<std::int32_t> everything(segment_m_.size());
  for (std::size_t i = 0; i < everything.size(); ++i) everything[i] = static_cast<std::int32_t>(i);
  const std::int32_t block_columns = (columns_ + kBlock - 1) / kBlock;
  const std::int32_t block_rows = (rows_ + kBlock - 1) / kBlock;
  std::vector<std::vector<std::int32_t>> blocks(static_cast<std::size_t>(block_columns) * block_rows);
  const double diagonal = std::sqrt(2.0) * cell_m * 1.0001;
  for (std::int32_t row = 0; row < block_rows; ++row) {
    for (std::int32_t column = 0; column < block_columns; ++column) {
      const Point middle{corner_.x + (column + 0.5) * kBlock * cell_m, corner_.y + (row + 0.5) * kBlock * cell_m};
      near(everything, middle, kBlock * diagonal, blocks[static_cast<std::size_t>(row) * block_columns + column]);
    }
  }
  std::vector<std::int32_t> found;
  first_.assign(1, 0);
  for (std::int32_t row = 0; row < rows_; ++row) {
    for (std::int32_t column = 0; column < columns_; ++column) {
      const Point middle{corner_.x + (column + 0.5) * cell_m, corner_.y + (row + 0.5) * cell_m};
      near(blocks[static_cast<std::size_t>(row / kBlock) * block_columns + column / kBlock], middle, diagonal, found);
      candidates_.insert(candidates_.end(), found.begin(), found.end());
      first_.push_back(static_cast<std::uint32_t>(candidates_.size()));
    }
  }
}

}  // namespace paddock
