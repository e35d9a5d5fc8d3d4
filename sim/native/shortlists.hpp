// Which segments of a line can be nearest to a place: lists of them, laid out so that four are asked side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "four.hpp"
#include "polyline.hpp"
#include "processor.hpp"

namespace paddock {

class Shortlists {
 public:
  struct List {
    std::uint32_t first = 0, fours = 0;
  };

  Shortlists() = default;
  explicit Shortlists(const Polyline& line);

  List everything() const { return everything_; }
  // Keeps a list of segments in rising order.
  List add(const std::vector<std::int32_t>& segments);

  // The point of the listed segments that is nearest to p; of several equally near the one that comes first. To the
  // bit what Polyline::project finds where the nearest segment is in the list.
  PADDOCK_INLINE Projection nearest(List among, Point p) const {
    double least = 1e301;
    double share = 0.0;
    std::size_t best = among.first;
    for (std::size_t i = among.first; i < among.first + 4 * among.fours; i += 4) {
      double squared[4], shares[4];
      near_four(i, p, squared, shares);
      const int place = place_of_least(squared);
      if (squared[place] < least) {
        least = squared[place];
        share = shares[place];
        best = i + static_cast<std::size_t>(place);
      }
    }
    return {segment_[best], start_m_[best] + share * segment_m_[best], least,
            {x_[best] + share * dx_[best], y_[best] + share * dy_[best]}};
  }

 private:
  // What nearness() says of four segments.
  PADDOCK_INLINE void near_four(std::size_t i, Point p, double (&squared)[4], double (&shares)[4]) const {
    Four x, y, dx, dy, per_squared;
    load(&x_[i], x);
    load(&y_[i], y);
    load(&dx_[i], dx);
    load(&dy_[i], dy);
    load(&per_squared_[i], per_squared);
    const Four px = p.x - x;
    const Four py = p.y - y;
    Four share = (px * dx + py * dy) * per_squared;
    share = share > 0.0 ? share : Four{};
    share = share < 1.0 ? share : Four{} + 1.0;
    const Four ex = px - share * dx;
    const Four ey = py - share * dy;
    const Four across = px * dy - py * dx;
    const Four least = (share > 0.0) & (share < 1.0) ? across * across * per_squared : ex * ex + ey * ey;
    std::memcpy(squared, &least, sizeof least);
    std::memcpy(shares, &share, sizeof share);
  }
  void keep(const Segment& s, double start_m, double segment_m, std::int32_t segment);

  // All segments in order, three that are near to nothing, and copies for lists that are no part of that row.
  std::vector<double> x_, y_, dx_, dy_, per_squared_, start_m_, segment_m_;
  std::vector<std::int32_t> segment_;
  std::size_t segments_ = 0;
  List everything_;
  List last_;                                // added
  std::vector<std::int32_t> last_segments_;
};

// Those of some segments, in rising order, of which one is nearest to any place at most half_m away from p. Returns the
// distance from p to the nearest.
double narrow(const Polyline& line, const std::vector<std::int32_t>& among, Point p, double half_m,
              std::vector<std::int32_t>& found);

}  // namespace paddock
