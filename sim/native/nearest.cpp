#include "nearest.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace paddock {
namespace {

constexpr double kCell_m = 0.06;
constexpr double kMostCells = 400000.0;
constexpr int kLevels = 6;                            // of squares in squares
constexpr std::int32_t kLargest = 1 << (kLevels - 1); // cells to a side of the outermost

}  // namespace

// Squares are cut into quarters down to cells; what can be nearest in a quarter can be nearest in the whole.
struct Nearest::Filling {
  Nearest& grid;
  const Polyline& line;
  double cell_m, margin_m;
  std::array<std::vector<std::int32_t>, kLevels> found{};

  void set(std::int32_t column, std::int32_t row, std::int32_t size, Shortlists::List list) {
    for (std::int32_t r = row; r < std::min(row + size, grid.rows_); ++r) {
      for (std::int32_t c = column; c < std::min(column + size, grid.columns_); ++c) {
        grid.cells_[static_cast<std::size_t>(r) * grid.columns_ + c] = list;
      }
    }
  }

  void fill(int level, std::int32_t column, std::int32_t row, const std::vector<std::int32_t>& among) {
    if (column >= grid.columns_ || row >= grid.rows_) return;
    const std::int32_t size = kLargest >> level;
    const Point middle{grid.corner_.x + (column + 0.5 * size) * cell_m, grid.corner_.y + (row + 0.5 * size) * cell_m};
    const double half_m = size * cell_m * std::sqrt(0.5);
    if (narrow(line, among, middle, half_m, found[level]) - half_m > margin_m) {
      set(column, row, size, grid.lists_.everything());
    } else if (size > 1) {
      for (const std::int32_t up : {0, size / 2}) {
        for (const std::int32_t right : {0, size / 2}) fill(level + 1, column + right, row + up, found[level]);
      }
    } else {
      set(column, row, 1, grid.lists_.add(found[level]));
    }
  }
};

Nearest::Nearest(const Polyline& line, double margin_m) : lists_(line) {
  Point low = line.points()[0];
  Point high = low;
  for (const Point& p : line.points()) {
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
  cells_.resize(static_cast<std::size_t>(columns_) * rows_);
  std::vector<std::int32_t> all(line.segments());
  std::iota(all.begin(), all.end(), 0);
  Filling filling{*this, line, cell_m, margin_m};
  for (std::int32_t row = 0; row < rows_; row += kLargest) {
    for (std::int32_t column = 0; column < columns_; column += kLargest) filling.fill(0, column, row, all);
  }
}

}  // namespace paddock
