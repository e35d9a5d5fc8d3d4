#include "shortlists.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace paddock {
namespace {

constexpr double kFar = 1e150;    // its square is a number still
constexpr double kHair = 1.0001;  // more than rounding takes away

}  // namespace

Shortlists::Shortlists(const Polyline& line) : segments_(line.segments()) {
  for (std::size_t i = 0; i < segments_; ++i) {
    keep(line.segment(i), line.start_m(i), line.segment_m(i), static_cast<std::int32_t>(i));
  }
  for (int k = 0; k < 3; ++k) keep({kFar, kFar, 0.0, 0.0, 0.0}, 0.0, 0.0, 0);
  everything_ = {0, static_cast<std::uint32_t>((segments_ + 3) / 4)};
}

void Shortlists::keep(const Segment& s, double start_m, double segment_m, std::int32_t segment) {
  x_.push_back(s.x);
  y_.push_back(s.y);
  dx_.push_back(s.dx);
  dy_.push_back(s.dy);
  per_squared_.push_back(s.per_squared);
  start_m_.push_back(start_m);
  segment_m_.push_back(segment_m);
  segment_.push_back(segment);
}

Shortlists::List Shortlists::add(const std::vector<std::int32_t>& segments) {
  const auto fours = static_cast<std::uint32_t>((segments.size() + 3) / 4);
  const auto first = static_cast<std::uint32_t>(segments.front());
  // More segments than asked for do no harm, so a list with small gaps is a part of the row, too.
  if (static_cast<std::uint32_t>(segments.back()) < first + 4 * fours) return {first, fours};
  if (segments == last_segments_) return last_;
  last_segments_ = segments;
  last_ = {static_cast<std::uint32_t>(x_.size()), fours};
  for (std::size_t k = 0; k < 4 * fours; ++k) {
    const std::int32_t s = segments[std::min(k, segments.size() - 1)];
    keep({x_[s], y_[s], dx_[s], dy_[s], per_squared_[s]}, start_m_[s], segment_m_[s], s);
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
