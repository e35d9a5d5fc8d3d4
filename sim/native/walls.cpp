#include "walls.hpp"

#include <algorithm>
#include <cmath>

namespace paddock {
namespace {

constexpr double kCell_m = 0.25;
constexpr double kCellsInReach = 4.0;
constexpr double kMostCells = 100000.0;

double distance_to_wall(Point p, Point a, Point b) {
  const double wx = b.x - a.x;
  const double wy = b.y - a.y;
  const double squared = wx * wx + wy * wy;
  const double share = std::clamp(((p.x - a.x) * wx + (p.y - a.y) * wy) / squared, 0.0, 1.0);
  const double dx = a.x + share * wx - p.x;
  const double dy = a.y + share * wy - p.y;
  return std::sqrt(dx * dx + dy * dy);
}

}  // namespace

Walls::Walls(const Track& track, double reach_m) : reach_m_(reach_m) {
  for (const Polyline* line : {&track.inner(), &track.outer()}) {
    const auto first = static_cast<std::uint32_t>(x_.size());
    for (const Point& p : line->points()) {
      x_.push_back(p.x);
      y_.push_back(p.y);
    }
    borders_.push_back({first, static_cast<std::uint32_t>(x_.size()) - 1});
  }
  build_cells();
}

// A wall is near a square if it is within reach of the square's middle, half its diagonal more.
void Walls::build_cells() {
  const auto [left, right] = std::minmax_element(x_.begin(), x_.end());
  const auto [bottom, top] = std::minmax_element(y_.begin(), y_.end());
  const double width = *right - *left + 2.0 * reach_m_;
  const double height = *top - *bottom + 2.0 * reach_m_;
  const double cell_m = std::max({kCell_m, reach_m_ / kCellsInReach, std::sqrt(width * height / kMostCells)});
  const double reach = reach_m_ + std::sqrt(0.5) * cell_m * 1.0001;
  corner_ = {*left - reach_m_, *bottom - reach_m_};
  per_cell_ = 1.0 / cell_m;
  columns_ = static_cast<std::int32_t>(width * per_cell_) + 1;
  rows_ = static_cast<std::int32_t>(height * per_cell_) + 1;
  std::vector<std::vector<Chain>> cells(static_cast<std::size_t>(columns_) * rows_);
  const auto index = [&](double from, std::int32_t most) {
    return std::clamp(static_cast<std::int32_t>(from * per_cell_), 0, most - 1);
  };
  const auto add = [&](std::uint32_t wall) {
    const Point a{x_[wall], y_[wall]};
    const Point b{x_[wall + 1], y_[wall + 1]};
    for (std::int32_t row = index(std::min(a.y, b.y) - reach - corner_.y, rows_);
         row <= index(std::max(a.y, b.y) + reach - corner_.y, rows_); ++row) {
      for (std::int32_t column = index(std::min(a.x, b.x) - reach - corner_.x, columns_);
           column <= index(std::max(a.x, b.x) + reach - corner_.x, columns_); ++column) {
        const Point middle{corner_.x + (column + 0.5) * cell_m, corner_.y + (row + 0.5) * cell_m};
        if (distance_to_wall(middle, a, b) > reach) continue;
        auto& chains = cells[static_cast<std::size_t>(row) * columns_ + column];
        if (!chains.empty() && chains.back().last == wall) {
          chains.back().last = wall + 1;
        } else {
          chains.push_back({wall, wall + 1});
        }
      }
    }
  };
  for (const Chain& border : borders_) {
    for (std::uint32_t wall = border.first; wall < border.last; ++wall) add(wall);
  }
  first_.assign(1, 0);
  for (const auto& chains : cells) {
    chains_.insert(chains_.end(), chains.begin(), chains.end());
    first_.push_back(static_cast<std::uint32_t>(chains_.size()));
  }
}

std::span<const Walls::Chain> Walls::near(Point place) const {
  const double column = (place.x - corner_.x) * per_cell_;
  const double row = (place.y - corner_.y) * per_cell_;
  if (!(column >= 0.0 && row >= 0.0 && column < columns_ && row < rows_)) return {};
  const std::size_t cell = static_cast<std::size_t>(row) * columns_ + static_cast<std::size_t>(column);
  return {chains_.data() + first_[cell], first_[cell + 1] - first_[cell]};
}

void Walls::shorten(Fan& fan) const {
  for (const Chain& chain : near(fan.from())) {
    fan.meet(x_.data() + chain.first, y_.data() + chain.first, chain.last - chain.first + 1);
  }
}

double Walls::distance_slowly(const Fan& fan, std::size_t beam) const {
  double least = reach_m_;
  for (const Chain& border : borders_) {
    for (std::uint32_t i = border.first; i < border.last; ++i) {
      const double ax = x_[i] - fan.from().x;
      const double ay = y_[i] - fan.from().y;
      const double wx = (x_[i + 1] - fan.from().x) - ax;
      const double wy = (y_[i + 1] - fan.from().y) - ay;
      least = meeting(ax, ay, wx, wy, fan.direction_x(beam), fan.direction_y(beam), least);
    }
  }
  return least;
}

}  // namespace paddock
