#include "walls.hpp"

#include <algorithm>
#include <cmath>

namespace paddock {
namespace {

constexpr double kCell_m = 0.1;

}  // namespace

Walls::Walls(const Track& track) {
  Point low{1e9, 1e9};
  Point high{-1e9, -1e9};
  for (const Polyline* line : {&track.inner(), &track.outer()}) {
    const auto& points = line->points();
    for (std::size_t i = 0; i + 1 < points.size(); ++i) {
      walls_.push_back({points[i], points[i + 1].x - points[i].x, points[i + 1].y - points[i].y});
    }
    for (const Point& p : points) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  cell_m_ = std::max(kCell_m, std::sqrt((high.x - low.x + 1.0) * (high.y - low.y + 1.0) / 400000.0));
  corner_ = {low.x - cell_m_, low.y - cell_m_};
  columns_ = static_cast<std::int32_t>((high.x - corner_.x) / cell_m_) + 2;
  rows_ = static_cast<std::int32_t>((high.y - corner_.y) / cell_m_) + 2;
  // A wall belongs to every cell that its box, grown by a hair, shares with the band around it.
  std::vector<std::vector<std::uint32_t>> cells(static_cast<std::size_t>(columns_) * rows_);
  for (std::size_t w = 0; w < walls_.size(); ++w) {
    const Wall& wall = walls_[w];
    const auto index = [&](double from, double corner, std::int32_t most) {
      return std::clamp(static_cast<std::int32_t>((from - corner) / cell_m_), 0, most - 1);
    };
    const std::int32_t left = index(std::min(wall.a.x, wall.a.x + wall.dx) - 1e-6, corner_.x, columns_);
    const std::int32_t right = index(std::max(wall.a.x, wall.a.x + wall.dx) + 1e-6, corner_.x, columns_);
    const std::int32_t bottom = index(std::min(wall.a.y, wall.a.y + wall.dy) - 1e-6, corner_.y, rows_);
    const std::int32_t top = index(std::max(wall.a.y, wall.a.y + wall.dy) + 1e-6, corner_.y, rows_);
    const double reach = (0.5 * cell_m_ + 1e-6) * (std::abs(wall.dx) + std::abs(wall.dy));
    for (std::int32_t row = bottom; row <= top; ++row) {
      for (std::int32_t column = left; column <= right; ++column) {
        const double mx = corner_.x + (column + 0.5) * cell_m_ - wall.a.x;
        const double my = corner_.y + (row + 0.5) * cell_m_ - wall.a.y;
        if (std::abs(wall.dx * my - wall.dy * mx) <= reach) {
          cells[static_cast<std::size_t>(row) * columns_ + column].push_back(static_cast<std::uint32_t>(w));
        }
      }
    }
  }
  first_.assign(1, 0);
  for (const auto& cell : cells) {
    inside_.insert(inside_.end(), cell.begin(), cell.end());
    first_.push_back(static_cast<std::uint32_t>(inside_.size()));
  }
}

// Distance along the ray, or a huge number. Ends of walls count on both sides, so rays cannot slip between two.
double Walls::hit(const Wall& wall, Point from, double dx, double dy) {
  const double across = dx * wall.dy - dy * wall.dx;
  if (across == 0.0) return 1e30;
  const double ox = wall.a.x - from.x;
  const double oy = wall.a.y - from.y;
  const double share = (ox * dy - oy * dx) / across;
  if (!(share >= -1e-12 && share <= 1.0 + 1e-12)) return 1e30;
  const double way = (ox * wall.dy - oy * wall.dx) / across;
  return way >= 0.0 ? way : 1e30;
}

double Walls::distance_slowly(Point from, double dx, double dy, double reach_m) const {
  double least = reach_m;
  for (const Wall& wall : walls_) least = std::min(least, hit(wall, from, dx, dy));
  return least;
}

// Amanatides and Woo, "A fast voxel traversal algorithm for ray tracing" (1987).
double Walls::distance(Point from, double dx, double dy, double reach_m) const {
  auto column = static_cast<std::int32_t>(std::floor((from.x - corner_.x) / cell_m_));
  auto row = static_cast<std::int32_t>(std::floor((from.y - corner_.y) / cell_m_));
  if (column < 0 || row < 0 || column >= columns_ || row >= rows_) return distance_slowly(from, dx, dy, reach_m);
  const std::int32_t right = dx > 0.0 ? 1 : -1;
  const std::int32_t up = dy > 0.0 ? 1 : -1;
  const double per_x = dx == 0.0 ? 1e30 : 1.0 / dx;
  const double per_y = dy == 0.0 ? 1e30 : 1.0 / dy;
  double next_x = dx == 0.0 ? 1e30 : (corner_.x + (column + (dx > 0.0)) * cell_m_ - from.x) * per_x;
  double next_y = dy == 0.0 ? 1e30 : (corner_.y + (row + (dy > 0.0)) * cell_m_ - from.y) * per_y;
  const double step_x = std::abs(per_x) * cell_m_;
  const double step_y = std::abs(per_y) * cell_m_;
  double least = reach_m;
  for (;;) {
    const std::size_t cell = static_cast<std::size_t>(row) * columns_ + column;
    for (std::uint32_t i = first_[cell]; i < first_[cell + 1]; ++i) {
      least = std::min(least, hit(walls_[inside_[i]], from, dx, dy));
    }
    const double leaving = next_x < next_y ? next_x : next_y;
    if (least <= leaving) return least;
    if (next_x < next_y) {
      column += right;
      next_x += step_x;
      if (column < 0 || column >= columns_) return least;
    } else {
      row += up;
      next_y += step_y;
      if (row < 0 || row >= rows_) return least;
    }
  }
}

}  // namespace paddock
