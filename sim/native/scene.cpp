#include "scene.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace paddock {
namespace {

constexpr double kPiece_m = 1.2;
constexpr std::size_t kPieceEdges = 24;
constexpr double kSharpest = 0.25;   // keeps the offset of a sharp corner within four widths
constexpr double kMostDashes = 100000.0;

double distance(Point a, Point b) { return std::sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)); }

float single(double value) { return static_cast<float>(value); }

std::pair<Point, Point> box_around(const std::vector<Point>& points) {
  Point low = points[0];
  Point high = points[0];
  for (const Point& p : points) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  return {low, high};
}

double twice_area(const std::vector<Point>& ring) {
  double sum = 0.0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Point a = ring[i];
    const Point b = ring[(i + 1) % ring.size()];
    sum += (a.x - ring[0].x) * (b.y - ring[0].y) - (b.x - ring[0].x) * (a.y - ring[0].y);
  }
  return sum;
}

void orient(std::vector<Point>& ring, bool counterclockwise) {
  if ((twice_area(ring) > 0.0) != counterclockwise) std::reverse(ring.begin(), ring.end());
}

// Where the inside of a bend is tighter than the width, the offset line turns back on itself: such edges are dropped.
void drop_reversed(std::vector<Point>& moved, std::vector<Point>& from, bool closed) {
  for (bool again = true; again && moved.size() > 4;) {
    again = false;
    for (std::size_t i = 0; i + (closed ? 0 : 1) < moved.size() && moved.size() > 4; ++i) {
      const std::size_t next = (i + 1) % moved.size();
      const double along = (moved[next].x - moved[i].x) * (from[next].x - from[i].x) +
                           (moved[next].y - moved[i].y) * (from[next].y - from[i].y);
      if (along > 0.0) continue;
      moved[i] = {0.5 * (moved[i].x + moved[next].x), 0.5 * (moved[i].y + moved[next].y)};
      from[i] = {0.5 * (from[i].x + from[next].x), 0.5 * (from[i].y + from[next].y)};
      moved.erase(moved.begin() + static_cast<std::ptrdiff_t>(next));
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(next));
      again = true;
    }
  }
}

// The line that runs left_m to the left of another, corners mitred. A closed line has no repeated last point.
std::vector<Point> offset(std::vector<Point> line, bool closed, double left_m) {
  const std::size_t n = line.size();
  std::vector<Point> moved(n);
  const auto normal = [&](std::size_t i) {
    const Point a = line[i % n];
    const Point b = line[(i + 1) % n];
    const double way = std::max(distance(a, b), 1e-9);  // a border that is one point has no side
    return Point{-(b.y - a.y) / way, (b.x - a.x) / way};
  };
  for (std::size_t i = 0; i < n; ++i) {
    const Point after = normal(closed || i + 1 < n ? i : i - 1);
    const Point before = closed || i > 0 ? normal(i + n - 1) : after;
    const Point both = !closed && i + 1 == n ? before : after;
    const double cosine = before.x * both.x + before.y * both.y;
    const double reach = left_m / std::max(1.0 + cosine, 2.0 * kSharpest);
    moved[i] = {line[i].x + reach * (before.x + both.x), line[i].y + reach * (before.y + both.y)};
  }
  drop_reversed(moved, line, closed);
  return moved;
}

// Douglas and Peucker, between two points that stay.
void simplify(const std::vector<Point>& chain, std::size_t first, std::size_t last, double most_m,
              std::vector<Point>& kept) {
  const Point a = chain[first];
  const Point b = chain[last];
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double squared = dx * dx + dy * dy;
  double worst = 0.0;
  std::size_t at = first;
  for (std::size_t i = first + 1; i < last; ++i) {
    const double px = chain[i].x - a.x;
    const double py = chain[i].y - a.y;
    double share = squared > 0.0 ? (px * dx + py * dy) / squared : 0.0;
    share = std::clamp(share, 0.0, 1.0);
    const double away = distance({px, py}, {share * dx, share * dy});
    if (away > worst) {
      worst = away;
      at = i;
    }
  }
  if (worst <= most_m) {
    kept.push_back(b);
    return;
  }
  simplify(chain, first, at, most_m, kept);
  simplify(chain, at, last, most_m, kept);
}

// Points without repeats and, for a closed line, without the last one, which is the first again.
std::vector<Point> open_ended(const std::vector<Point>& points, bool closed) {
  std::vector<Point> kept;
  for (const Point& p : points) {
    if (kept.empty() || distance(kept.back(), p) > 1e-6) kept.push_back(p);
  }
  while (closed && kept.size() > 3 && distance(kept.front(), kept.back()) <= 1e-6) kept.pop_back();
  return kept;
}

}  // namespace

Scene::Scene(const Track& track, const Marking& marking) {
  for (const double value : {marking.line_width_m, marking.dash_width_m, marking.dash_length_m, marking.dash_gap_m,
                             marking.wall_distance_m, marking.wall_height_m}) {
    if (!(value >= 0.0 && value < 1e3)) throw std::invalid_argument("a marking has a size that is no length");
  }
  Point low{1e9, 1e9};
  Point high{-1e9, -1e9};
  for (const Polyline* line : {&track.inner(), &track.outer()}) {
    for (const Point& p : line->points()) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  origin_ = {0.5 * (low.x + high.x), 0.5 * (low.y + high.y)};
  pieces_.first.push_back(0);
  const bool closed = track.closed();
  auto outer = open_ended(track.outer().points(), closed);
  auto inner = open_ended(track.inner().points(), closed);
  const double width = marking.line_width_m;
  if (closed) {
    // The road is left of both: within the one, around the other.
    orient(outer, true);
    orient(inner, false);
    add_ring(outer, Layer::line);
    add_ring(inner, Layer::line);
    add_ring(offset(outer, true, width), Layer::road);
    add_ring(offset(inner, true, width), Layer::road);
  } else {
    const auto strip = [&](std::vector<Point> there, const std::vector<Point>& back) {
      there.insert(there.end(), back.rbegin(), back.rend());
      return there;
    };
    const double side = twice_area(strip(outer, inner)) > 0.0 ? 1.0 : -1.0;
    auto lines = strip(outer, inner);
    auto road = strip(offset(outer, false, side * width), offset(inner, false, -side * width));
    orient(lines, true);
    orient(road, true);
    add_ring(lines, Layer::line);
    add_ring(road, Layer::road);
  }
  if (marking.dash_width_m > 0.0 && marking.dash_length_m > 0.0) add_dashes(track, marking);
  corners_.x.insert(corners_.x.end(), Corners::kBeyond, 0.0f);
  corners_.y.insert(corners_.y.end(), Corners::kBeyond, 0.0f);
  corners_.goes_on.insert(corners_.goes_on.end(), Corners::kBeyond, 0);
  wall_height_m_ = marking.wall_height_m;
  if (wall_height_m_ > 0.0) {
    const double x = 0.5 * (high.x - low.x) + marking.wall_distance_m;
    const double y = 0.5 * (high.y - low.y) + marking.wall_distance_m;
    walls_ = {{-x, -y}, {x, -y}, {x, y}, {-x, y}};
  }
}

void Scene::add_ring(const std::vector<Point>& ring, Layer layer) {
  std::vector<Point> chain{ring[0]};
  double length = 0.0;
  for (std::size_t i = 1; i <= ring.size(); ++i) {
    const Point p = ring[i % ring.size()];
    length += distance(chain.back(), p);
    chain.push_back(p);
    if (length < kPiece_m && chain.size() <= kPieceEdges && i < ring.size()) continue;
    add_chain(chain, layer);
    chain.assign(1, p);
    length = 0.0;
  }
}

void Scene::add_circle(Point low, Point high, Point from, Point to, Layer layer, std::size_t dashes) {
  const bool follows = !pieces_.layer.empty() && pieces_.layer.back() == static_cast<std::uint8_t>(layer) &&
                       pieces_.to_x.back() == single(from.x - origin_.x) &&
                       pieces_.to_y.back() == single(from.y - origin_.y);
  pieces_.follows.push_back(follows);
  pieces_.x.push_back(single(0.5 * (low.x + high.x) - origin_.x));
  pieces_.y.push_back(single(0.5 * (low.y + high.y) - origin_.y));
  pieces_.radius.push_back(single(0.5 * distance(low, high) + 1e-3));
  pieces_.from_x.push_back(single(from.x - origin_.x));
  pieces_.from_y.push_back(single(from.y - origin_.y));
  pieces_.to_x.push_back(single(to.x - origin_.x));
  pieces_.to_y.push_back(single(to.y - origin_.y));
  pieces_.layer.push_back(static_cast<std::uint8_t>(layer));
  pieces_.dashes.push_back(static_cast<float>(dashes));
}

void Scene::add_corners(const std::vector<Point>& chain) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    corners_.x.push_back(single(chain[i].x - origin_.x));
    corners_.y.push_back(single(chain[i].y - origin_.y));
    corners_.goes_on.push_back(i + 1 < chain.size());
  }
}

void Scene::add_chain(const std::vector<Point>& chain, Layer layer) {
  const auto [low, high] = box_around(chain);
  add_circle(low, high, chain.front(), chain.back(), layer, 0);
  for (const double most_m : kGrade_m) {
    std::vector<Point> kept{chain.front()};
    simplify(chain, 0, chain.size() - 1, most_m, kept);
    add_corners(kept);
    pieces_.first.push_back(static_cast<std::uint32_t>(corners_.x.size()));
  }
}

// The centre line's part between two distances, with a width, as a closed ring; empty where it has no length.
std::vector<Point> Scene::band(const Polyline& centre, double from_m, double to_m, double width_m) {
  std::vector<Point> middle{centre.at(from_m)};
  for (std::size_t i = centre.segment_at(from_m) + 1; i < centre.segments() && centre.start_m(i) < to_m; ++i) {
    middle.push_back(centre.points()[i]);
  }
  middle.push_back(centre.at(to_m));
  middle = open_ended(middle, false);
  if (middle.size() < 2) return {};
  std::vector<Point> bent{middle.front()};
  simplify(middle, 0, middle.size() - 1, kGrade_m[0], bent);
  auto ring = offset(bent, false, -0.5 * width_m);
  const auto left = offset(bent, false, 0.5 * width_m);
  ring.insert(ring.end(), left.rbegin(), left.rend());
  ring.push_back(ring.front());
  return ring;
}

// As many whole dashes as fit best, half a gap at the start line, bent where the centre line is. Neighbours share a
// piece.
void Scene::add_dashes(const Track& track, const Marking& marking) {
  const Polyline& centre = track.centre();
  const double wished = marking.dash_length_m + marking.dash_gap_m;
  const double count = std::clamp(std::floor(centre.length_m() / wished + 0.5), 1.0, kMostDashes);
  const double period = centre.length_m() / count;
  const double length = period * marking.dash_length_m / wished;
  const double in_piece = std::max(1.0, std::floor(kPiece_m / period + 0.5));
  dash_share_ = marking.dash_length_m / wished;
  for (double k = 0.0; k < count; k += in_piece) {
    const double end = std::min(k + in_piece, count);
    const auto strip = band(centre, k * period, end * period, marking.dash_width_m);
    const auto [low, high] = box_around(strip);
    add_circle(low, high, centre.at(k * period), centre.at(end * period), Layer::dash,
               static_cast<std::size_t>(end - k));
    for (std::size_t grade = 0; grade + 1 < kGrades; ++grade) {
      for (double dash = k; dash < end; dash += 1.0) {
        const double from = (dash + 0.5) * period - 0.5 * length;
        add_corners(band(centre, from, from + length, marking.dash_width_m));
      }
      pieces_.first.push_back(static_cast<std::uint32_t>(corners_.x.size()));
    }
    add_corners(strip);
    pieces_.first.push_back(static_cast<std::uint32_t>(corners_.x.size()));
  }
}

}  // namespace paddock
