// The centre line at even distances, for observations: between two samples everything is straight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "beside.hpp"
#include "four.hpp"
#include "polyline.hpp"
#include "processor.hpp"

namespace paddock {

inline constexpr double kAhead_m = 4.0;  // so far past the end of the lap there are samples

struct Frame {
  double along_x, along_y;  // direction, unit vector
  double left_m, right_m;   // from the centre to the borders
};

class Samples {
 public:
  Samples() = default;
  // Past its end a closed line goes on at its start, an open one straight on.
  Samples(const Polyline& centre, const Beside& left, const Beside& right, bool closed);

  struct Spot {  // between two samples
    std::size_t before;
    double share;
  };
  // of 0 <= along_m <= length + kAhead_m
  PADDOCK_INLINE Spot spot(double along_m) const {
    const double place = along_m * per_sample_;
    const auto before = static_cast<std::int32_t>(place);
    return {static_cast<std::size_t>(before), place - static_cast<double>(before)};
  }
  PADDOCK_INLINE Pair place(Spot s) const {
    const Pair a = places_[s.before];
    const Pair b = places_[s.before + 1];
    return a + s.share * (b - a);
  }
  PADDOCK_INLINE Frame frame(Spot s) const {
    const Frame& a = frames_[s.before];
    const Frame& b = frames_[s.before + 1];
    return {a.along_x + s.share * (b.along_x - a.along_x), a.along_y + s.share * (b.along_y - a.along_y),
            a.left_m + s.share * (b.left_m - a.left_m), a.right_m + s.share * (b.right_m - a.right_m)};
  }

 private:
  std::vector<Pair> places_;  // x, y
  std::vector<Frame> frames_;
  double per_sample_ = 0.0;
};

}  // namespace paddock
