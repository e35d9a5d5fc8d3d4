// The point of a border that is nearest to a place on the centre line: for each short stretch of the centre line, the
// border's segments that can be nearest to a place on it are listed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "polyline.hpp"
#include "processor.hpp"
#include "shortlists.hpp"

namespace paddock {

class Beside {
 public:
  Beside() = default;
  Beside(const Polyline& centre, const Polyline& border);

  // The border's point nearest to the centre line's point p at along_m.
  PADDOCK_INLINE Point point(double along_m, Point p) const {
    const auto stretch = static_cast<std::size_t>(static_cast<std::int32_t>(along_m * per_stretch_));
    return lists_.nearest(stretches_[std::min(stretch, stretches_.size() - 1)], p).point;
  }

 private:
  struct Filling;

  Shortlists lists_;
  std::vector<Shortlists::List> stretches_;
  double per_stretch_ = 0.0;
};

}  // namespace paddock
