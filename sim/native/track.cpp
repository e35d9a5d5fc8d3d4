#include "track.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "maths.hpp"

namespace paddock {
namespace {

constexpr double kShortest_m = 0.5, kLongest_m = 2000.0, kWidest_m = 50.0;  // sim/track_checks.py is stricter
constexpr double kMargin_m = 0.5;  // this far off the track the projection asks every segment: right, only slower
constexpr double kStrip_m = 0.05;
constexpr double kCell_m = 0.06;
constexpr double kMostCells = 400000.0;

std::vector<Point> midway(const std::vector<Point>& a, const std::vector<Point>& b) {
  std::vector<Point> middle;
  for (std::size_t i = 0; i < a.size(); ++i) middle.push_back({(a[i].x + b[i].x) / 2, (a[i].y + b[i].y) / 2});
  return middle;
}

// A border may repeat a point (inside of a tight corner); a line of no length has no direction, so drop repeats.
std::vector<Point> distinct(const std::vector<Point>& points) {
  std::vector<Point> kept;
  for (const Point& p : points) {
    if (kept.empty() || p.x != kept.back().x || p.y != kept.back().y) kept.push_back(p);
  }
  return kept;
}

double squared(Point a, Point b) { return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y); }
double distance(Point a, Point b) { return std::sqrt(squared(a, b)); }

// Whether a ray from p to the right crosses the edge; halves of touching edges are counted once.
bool crosses(Point a, Point b, Point p) {
  if ((a.y > p.y) == (b.y > p.y)) return false;
  return p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x;
}

}  // namespace

Track::Track(std::vector<Point> centre, std::vector<Point> inner, std::vector<Point> outer, bool closed)
    : closed_(closed) {
  if (centre.size() != inner.size() || centre.size() != outer.size()) {
    throw std::invalid_argument("centre, inner and outer need the same number of points");
  }
  if (centre.size() < (closed ? 4u : 2u)) throw std::invalid_argument("a track needs more points");
  for (const auto* line : {&centre, &inner, &outer}) {
    for (const Point& p : *line) {
      if (!(std::abs(p.x) < 1e5 && std::abs(p.y) < 1e5)) throw std::invalid_argument("a track point is not a place");
    }
  }
  double leaning = 0.0;
  for (std::size_t i = 0; i + 1 < centre.size(); ++i) {
    leaning += (centre[i + 1].x - centre[i].x) * (inner[i].y - centre[i].y) -
               (centre[i + 1].y - centre[i].y) * (inner[i].x - centre[i].x);
  }
  inner_is_left_ = leaning > 0.0;
  double half_width_m = 0.0;
  for (std::size_t i = 0; i < centre.size(); ++i) {
    half_width_m = std::max({half_width_m, distance(centre[i], inner[i]), distance(centre[i], outer[i])});
  }
  inner_lane_ = Polyline(distinct(midway(inner, centre)));
  outer_lane_ = Polyline(distinct(midway(outer, centre)));
  centre_ = Polyline(std::move(centre));
  // Shorter, and looking ahead would go round it for ever; longer, and its tables would fill the memory.
  if (!(centre_.length_m() >= kShortest_m && centre_.length_m() <= kLongest_m && half_width_m <= kWidest_m)) {
    throw std::invalid_argument("a track is half a metre to two kilometres long, and at most 100 m wide");
  }
  inner_ = Polyline(distinct(inner));
  outer_ = Polyline(distinct(outer));
  nearest_ = Nearest(centre_, half_width_m + kMargin_m);
  inner_beside_ = Beside(centre_, inner_);
  outer_beside_ = Beside(centre_, outer_);
  outer_ring_ = outer;
  if (closed) {
    inner_ring_ = inner;
  } else {
    outer_ring_.insert(outer_ring_.end(), inner.rbegin(), inner.rend());
    outer_ring_.push_back(outer_ring_.front());
  }
  const auto& points = centre_.points();
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    waypoint_fractions_.push_back(centre_.project(points[i]).along_m / centre_.length_m());
  }
  waypoint_fractions_.push_back(1.0);
  rising_ = std::is_sorted(waypoint_fractions_.begin(), waypoint_fractions_.end());
  build_rings();
  build_cells();
  samples_ = Samples(centre_, inner_is_left_ ? inner_beside_ : outer_beside_,
                     inner_is_left_ ? outer_beside_ : inner_beside_, closed);
}

void Track::build_rings() {
  double low = outer_ring_[0].y;
  double high = low;
  for (const auto* ring : {&outer_ring_, &inner_ring_}) {
    for (const Point& p : *ring) {
      low = std::min(low, p.y);
      high = std::max(high, p.y);
    }
  }
  bottom_ = low;
  per_strip_ = 1.0 / std::max(kStrip_m, (high - low) / 4000.0);
  strips_ = static_cast<std::int32_t>((high - low) * per_strip_) + 1;
  const auto index = [&](const std::vector<Point>& ring, std::vector<std::uint32_t>& first,
                         std::vector<std::uint32_t>& edges) {
    first.assign(1, 0);
    for (std::int32_t strip = 0; strip < strips_; ++strip) {
      // A hair wider than the strip, so that rounding cannot lose an edge.
      const double from = bottom_ + (strip - 1e-6) / per_strip_;
      const double to = bottom_ + (strip + 1 + 1e-6) / per_strip_;
      for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
        if (std::min(ring[i].y, ring[i + 1].y) <= to && std::max(ring[i].y, ring[i + 1].y) >= from) {
          edges.push_back(static_cast<std::uint32_t>(i));
        }
      }
      first.push_back(static_cast<std::uint32_t>(edges.size()));
    }
  };
  index(outer_ring_, outer_first_, outer_edges_);
  index(inner_ring_, inner_first_, inner_edges_);
}

void Track::search_waypoints(double fraction, std::int32_t& previous, std::int32_t& next) const {
  const auto& table = waypoint_fractions_;
  const auto count = static_cast<std::int32_t>(table.size());
  std::int32_t low = 0;  // Python's bisect_right, step by step, for tables that are not quite sorted
  std::int32_t high = count;
  while (low < high) {
    const std::int32_t middle = (low + high) / 2;
    if (fraction < table[middle]) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  previous = low == 0 ? count - 1 : low - 1;
  next = low == count ? 0 : low;
}

// In rounds over all places, so that the processor can work on several at once: the longest wait is within one.
PADDOCK_INLINE void Track::locate_all(const Point* places, std::size_t count, TrackState* states) const {
  for (std::size_t i = 0; i < count; ++i) states[i].centre = nearest_.project(places[i]);
  for (std::size_t i = 0; i < count; ++i) {
    TrackState& s = states[i];
    const Point in = inner_beside_.point(s.centre.along_m, s.centre.point);
    const Point out = outer_beside_.point(s.centre.along_m, s.centre.point);
    s.width_m = distance(in, out);
    s.left_of_centre = (squared(in, places[i]) < squared(out, places[i])) == inner_is_left_;
  }
  for (std::size_t i = 0; i < count; ++i) {
    TrackState& s = states[i];
    s.fraction = s.centre.along_m / centre_.length_m();
    s.distance_m = std::sqrt(s.centre.squared_m2);
    const double* table = waypoint_fractions_.data() + s.centre.segment;
    if (rising_ && table[0] <= s.fraction && s.fraction < table[1]) {
      s.previous = s.centre.segment;
      s.next = s.centre.segment + 1;
    } else {
      search_waypoints(s.fraction, s.previous, s.next);
    }
  }
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void Track::locate_avx2(const Point* places, std::size_t count, TrackState* states) const {
  locate_all(places, count, states);
}
#endif

void Track::locate(const Point* places, std::size_t count, TrackState* states) const {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return locate_avx2(places, count, states);
#endif
  locate_all(places, count, states);
}

TrackState Track::locate(Point p) const {
  TrackState state;
  locate(&p, 1, &state);
  return state;
}

bool Track::inside(const std::vector<Point>& ring, const std::vector<std::uint32_t>& first,
                   const std::vector<std::uint32_t>& edges, Point p) const {
  const double strip = (p.y - bottom_) * per_strip_;
  if (!(strip >= 0.0 && strip < strips_)) return false;
  const auto row = static_cast<std::size_t>(strip);
  bool odd = false;
  for (std::uint32_t i = first[row]; i < first[row + 1]; ++i) {
    odd ^= crosses(ring[edges[i]], ring[edges[i] + 1], p);
  }
  return odd;
}

bool Track::inside_rings(Point p) const {
  return inside(outer_ring_, outer_first_, outer_edges_, p) &&
         !(closed_ && inside(inner_ring_, inner_first_, inner_edges_, p));
}

bool Track::on_track(Point p) const {
  const Cell cell = cell_of(p);
  return cell == Cell::border ? inside_rings(p) : cell == Cell::on || cell == Cell::clear_on;
}

void Track::build_cells() {
  Point low = outer_ring_[0];
  Point high = low;
  for (const auto* ring : {&outer_ring_, &inner_ring_}) {
    for (const Point& p : *ring) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  const double area = (high.x - low.x + 1.0) * (high.y - low.y + 1.0);
  const double cell_m = std::max(kCell_m, std::sqrt(area / kMostCells));
  per_cell_ = 1.0 / cell_m;
  const double around_m = kClear_m + 2.0 * cell_m;
  corner_ = {low.x - around_m, low.y - around_m};
  columns_ = static_cast<std::int32_t>((high.x + around_m - corner_.x) * per_cell_) + 1;
  rows_ = static_cast<std::int32_t>((high.y + around_m - corner_.y) * per_cell_) + 1;
  cells_.assign(static_cast<std::size_t>(columns_) * rows_, Cell::off);
  const auto middle = [&](std::int32_t column, std::int32_t row) {
    return Point{corner_.x + (column + 0.5) * cell_m, corner_.y + (row + 0.5) * cell_m};
  };
  const auto index = [&](double from, double corner) { return static_cast<std::int32_t>((from - corner) * per_cell_); };
  for (const auto* ring : {&outer_ring_, &inner_ring_}) {
    for (std::size_t i = 0; i + 1 < ring->size(); ++i) {
      const Point a = (*ring)[i];
      const Point b = (*ring)[i + 1];
      const double reach = (0.5 * cell_m + 1e-6) * (std::abs(b.x - a.x) + std::abs(b.y - a.y));
      for (std::int32_t row = index(std::min(a.y, b.y) - 1e-6, corner_.y);
           row <= index(std::max(a.y, b.y) + 1e-6, corner_.y); ++row) {
        for (std::int32_t column = index(std::min(a.x, b.x) - 1e-6, corner_.x);
             column <= index(std::max(a.x, b.x) + 1e-6, corner_.x); ++column) {
          const Point m = middle(column, row);
          const double across = (b.x - a.x) * (m.y - a.y) - (b.y - a.y) * (m.x - a.x);
          if (std::abs(across) <= reach) cells_[static_cast<std::size_t>(row) * columns_ + column] = Cell::border;
        }
      }
    }
  }
  for (std::int32_t row = 0; row < rows_; ++row) {
    Cell before = Cell::border;  // squares side by side with no border between are alike
    for (std::int32_t column = 0; column < columns_; ++column) {
      Cell& cell = cells_[static_cast<std::size_t>(row) * columns_ + column];
      if (cell != Cell::border) {
        if (before != Cell::border) {
          cell = before;
        } else if (inside_rings(middle(column, row))) {
          cell = Cell::on;
        }
      }
      before = cell;
    }
  }
  clear_cells(static_cast<std::int32_t>(kClear_m * per_cell_ * 1.0001) + 1);
}

// A square is clear if no border passes a square at most `reach` rows and columns away.
void Track::clear_cells(std::int32_t reach) {
  const auto width = static_cast<std::size_t>(columns_);
  std::vector<std::uint8_t> beside(cells_.size());
  for (std::int32_t row = 0; row < rows_; ++row) {
    for (std::int32_t column = 0; column < columns_; ++column) {
      if (cells_[row * width + column] != Cell::border) continue;
      const std::int32_t from = std::max(column - reach, 0);
      const std::int32_t to = std::min(column + reach + 1, columns_);
      std::fill(&beside[row * width] + from, &beside[row * width] + to, 1);
    }
  }
  std::vector<std::uint8_t> near(width);
  for (std::int32_t row = 0; row < rows_; ++row) {
    std::fill(near.begin(), near.end(), 0);
    for (std::int32_t other = std::max(row - reach, 0); other < std::min(row + reach + 1, rows_); ++other) {
      for (std::size_t column = 0; column < width; ++column) near[column] |= beside[other * width + column];
    }
    for (std::size_t column = 0; column < width; ++column) {
      Cell& cell = cells_[row * width + column];
      if (near[column] == 0) cell = cell == Cell::on ? Cell::clear_on : Cell::clear_off;
    }
  }
}

// SimApp's interpolate_pose with FORWARD_DIFFERENCE.
Pose Track::look_ahead(const Polyline& line, double along_m) const {
  const std::size_t segment = line.segment_at(along_m);
  const Point here = line.at(along_m);
  const Point next = line.points()[segment + 1];
  if (distance(here, next) > 1e-9) return {here.x, here.y, arctan2(next.y - here.y, next.x - here.x)};
  const Point a = line.points()[segment];
  return {here.x, here.y, arctan2(next.y - a.y, next.x - a.x)};
}

Pose Track::start_pose(double fraction) const { return look_ahead(centre_, fraction * centre_.length_m()); }

Pose Track::lane_pose(double fraction, bool inner) const {
  const Point centre = centre_.at(fraction * centre_.length_m());
  return look_ahead(lane(inner), lane(inner).project(centre).along_m);
}

Pose Track::reset_pose(double fraction, Point near) const {
  const Pose in = lane_pose(fraction, true);
  const Pose out = lane_pose(fraction, false);
  return distance({in.x, in.y}, near) < distance({out.x, out.y}, near) ? in : out;
}

}  // namespace paddock
