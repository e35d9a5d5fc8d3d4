// Which segments of a line can be nearest to a place: lists of them, laid out so that two are asked side by side.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "four.hpp"
#include "polyline.hpp"
#include "processor.hpp"

namespace paddock {

class Shortlists {
 public:
  struct List {
    std::uint32_t first = 0, twos = 0;
  };

  Shortlists() = default;
  explicit Shortlists(const Polyline& line);

  List everything() const { return everything_; }
  // Keeps a list of segments in rising order.
  List add(const std::vector<std::int32_t>& segments);

  // The point of the listed segments that is nearest to p; of several equally near the one that comes first. What
  // Polyline::project finds where the nearest segment is in the list.
  PADDOCK_INLINE Projection nearest(List among, Point p) const {
    const Two* two = twos_.data() + among.first;
    Projection best = nearer(*two, p);
    for (std::uint32_t k = 1; k < among.twos; ++k) {
      const Projection found = nearer(two[k], p);
      if (found.squared_m2 < best.squared_m2) best = found;
    }
    return best;
  }

 private:
  struct alignas(64) Two {  // segments
    Pair x, y, dx, dy, per_squared, start_m, segment_m;
    std::int32_t segment[2];
  };
  Two two_of(std::size_t first, std::size_t second) const;

  // What nearness() says of both, and the projection on the nearer one.
  PADDOCK_INLINE static Projection nearer(const Two& two, Point p) {
    const Pair px = p.x - two.x;
    const Pair py = p.y - two.y;
    Pair share = (px * two.dx + py * two.dy) * two.per_squared;
    share = share > 0.0 ? share : Pair{};
    share = share < 1.0 ? share : Pair{1.0, 1.0};
    const Pair ex = px - share * two.dx;
    const Pair ey = py - share * two.dy;
    const Pair across = px * two.dy - py * two.dx;
    const Pair squared = (share > 0.0) & (share < 1.0) ? across * across * two.per_squared : ex * ex + ey * ey;
    const int k = squared[1] < squared[0];  // which nobody can guess, so that a branch would cost
    double shares[2];
    std::memcpy(shares, &share, sizeof shares);
    const double there = shares[k];
    return {two.segment[k], two.start_m[k] + there * two.segment_m[k], std::min(squared[0], squared[1]),
            {two.x[k] + there * two.dx[k], two.y[k] + there * two.dy[k]}};
  }

  std::vector<Segment> segments_;
  std::vector<double> start_m_, segment_m_;
  std::vector<Two> twos_;  // each segment and the next; then lists that are none of these
  List everything_;
  List last_;                                // added
  std::vector<std::int32_t> last_segments_;
};

// Those of some segments, in rising order, of which one is nearest to any place at most half_m away from p. Returns the
// distance from p to the nearest.
double narrow(const Polyline& line, const std::vector<std::int32_t>& among, Point p, double half_m,
              std::vector<std::int32_t>& found);

}  // namespace paddock
