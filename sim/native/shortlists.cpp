#include "shortlists.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace paddock {
namespace {

constexpr double kHair = 1.0001;  // more than rounding takes away

}  // namespace

Shortlists::Shortlists(const Polyline& line) {
  const std::size_t count = line.segments();
  std::vector<std::int32_t> all;
  for (std::size_t i = 0; i < count; ++i) {
    segments_.push_back(line.segment(i));
    start_m_.push_back(line.start_m(i));
    segment_m_.push_back(line.segment_m(i));
    all.push_back(static_cast<std::int32_t>(i));
  }
  for (std::size_t i = 0; i < count; ++i) twos_.push_back(two_of(i, std::min(i + 1, count - 1)));
  everything_ = add(all);
}

Shortlists::Two Shortlists::two_of(std::size_t first, std::size_t second) const {
  const Segment& a = segments_[first];
  const Segment& b = segments_[second];
  Two two;
  two.x = Pair{a.x, b.x};
  two.y = Pair{a.y, b.y};
  two.dx = Pair{a.dx, b.dx};
  two.dy = Pair{a.dy, b.dy};
  two.per_squared = Pair{a.per_squared, b.per_squared};
  two.start_m = Pair{start_m_[first], start_m_[second]};
  two.segment_m = Pair{segment_m_[first], segment_m_[second]};
  two.segment[0] = static_cast<std::int32_t>(first);
  two.segment[1] = static_cast<std::int32_t>(second);
  return two;
}

Shortlists::List Shortlists::add(const std::vector<std::int32_t>& segments) {
  const auto first = static_cast<std::uint32_t>(segments.front());
  if (segments.size() <= 2 && segments.back() <= segments.front() + 1) return {first, 1};
  if (segments == last_segments_) return last_;
  last_segments_ = segments;
  last_ = {static_cast<std::uint32_t>(twos_.size()), static_cast<std::uint32_t>((segments.size() + 1) / 2)};
  for (std::size_t k = 0; k < segments.size(); k += 2) {
    twos_.push_back(two_of(static_cast<std::size_t>(segments[k]),
                           static_cast<std::size_t>(segments[std::min(k + 1, segments.size() - 1)])));
  }
  return last_;
}

// Two rules drop segments. Distance: to any place within half_m it differs by at most half_m from that to p. Order: where
// all those places lie beyond a segment's end, its end is what is nearest of it, and the next segment begins there. So
// the next is at least as near; likewise the one before, where all lie before a segment's start. Each names a segment
// that stays or is dropped for another in turn, never one for the other: a corner that both touch keeps the first.
double narrow(const Polyline& line, const std::vector<std::int32_t>& among, Point p, double half_m,
              std::vector<std::int32_t>& found) {
  struct Seen {
    double squared_m2;
    bool before, beyond;
  };
  thread_local std::vector<Seen> seen;
  seen.resize(among.size());
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < among.size(); ++k) {
    const auto i = static_cast<std::size_t>(among[k]);
    const Segment& s = line.segment(i);
    const double px = p.x - s.x;
    const double py = p.y - s.y;
    const double share = (px * s.dx + py * s.dy) * s.per_squared;
    const double kept = std::min(std::max(share, 0.0), 1.0);
    const double ex = px - kept * s.dx;
    const double ey = py - kept * s.dy;
    const double squared = ex * ex + ey * ey;
    const double most = half_m * kHair / line.segment_m(i);
    seen[k] = {squared, share + most < 0.0, share - most > 1.0};
    least = std::min(least, squared);
  }
  least = std::sqrt(least);
  const double most = (least + 2.0 * half_m) * kHair;
  found.clear();
  for (std::size_t k = 0; k < among.size(); ++k) {
    const bool follows = k > 0 && among[k - 1] + 1 == among[k];
    const bool leads = k + 1 < among.size() && among[k] + 1 == among[k + 1];
    const bool drop = seen[k].squared_m2 > most * most || (seen[k].before && follows) ||
                      (seen[k].beyond && leads && !seen[k + 1].before);
    if (!drop) found.push_back(among[k]);
  }
  return least;
}

}  // namespace paddock
