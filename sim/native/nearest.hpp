// The point of a line that is nearest to any place, through a grid: for each square of it, the segments that can be
// nearest to a place in it are listed.
#pragma once

#include <cstdint>
#include <vector>

#include "polyline.hpp"
#include "processor.hpp"
#include "shortlists.hpp"

namespace paddock {

class Nearest {
 public:
  Nearest() = default;
  // margin_m: farther from the line every segment is asked, which is as right and only slower.
  Nearest(const Polyline& line, double margin_m);

  PADDOCK_INLINE Projection project(Point p) const {
    const double column = (p.x - corner_.x) * per_cell_;
    const double row = (p.y - corner_.y) * per_cell_;
    const bool inside = column >= 0.0 && row >= 0.0 && column < columns_ && row < rows_;
    if (!inside) return lists_.nearest(lists_.everything(), p);
    const std::size_t cell = static_cast<std::size_t>(static_cast<std::int32_t>(row)) * columns_ +
                             static_cast<std::size_t>(static_cast<std::int32_t>(column));
    return lists_.nearest(cells_[cell], p);
  }

 private:
  struct Filling;

  Shortlists lists_;
  std::vector<Shortlists::List> cells_;
  Point corner_{};
  double per_cell_ = 0.0;
  std::int32_t columns_ = 0, rows_ = 0;
};

}  // namespace paddock
