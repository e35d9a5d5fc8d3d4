#include "standing.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "maths.hpp"

namespace paddock {
namespace {

constexpr double kNearest_m = 0.02;      // depth at which faces are cut
constexpr std::int32_t kHalf = kWhole / 2;
constexpr Point kLight{0.8, 0.6};        // where the light comes from, in the track's frame
constexpr double kShadow = 0.62;         // shade of a side that the light does not reach; the top has 1
constexpr double kLit = 0.26;            // what light from straight ahead adds to a side
// A car is two blocks: a body, and on it a cabin that is shorter, narrower and darker.
constexpr double kBodyShare = 0.55;      // of the height
constexpr double kCabinFront = 0.35, kCabinBack = -0.7, kCabinWidth = 0.8;  // of the half length and width
constexpr double kCabinGrey = 0.7;

struct Seen {  // by the lens: to the right, down, and along its axis
  double right, down, depth;
};

// The lens at its place above the ground.
struct Eye {
  const Lens& lens;
  double x, y, sine, cosine;

  Eye(const View& view, const Pose& base) : lens(view.lens()) {
    const SinCos yaw = sincos(base.yaw);
    const Mount& m = lens.mount;
    x = base.x + m.forward_m * yaw.cosine - m.side_m * yaw.sine;
    y = base.y + m.forward_m * yaw.sine + m.side_m * yaw.cosine;
    sine = yaw.sine * lens.yaw_cosine + yaw.cosine * lens.yaw_sine;
    cosine = yaw.cosine * lens.yaw_cosine - yaw.sine * lens.yaw_sine;
  }
  double height_m() const { return lens.mount.height_m; }
  Seen look(Point p, double z) const {
    const double ahead = (p.x - x) * cosine + (p.y - y) * sine;
    const double left = (p.y - y) * cosine - (p.x - x) * sine;
    const double below = height_m() - z;
    return {-left, below * lens.cosine - ahead * lens.sine, ahead * lens.cosine + below * lens.sine};
  }
};

struct Outline {  // a convex face in the picture, in pixels
  std::array<double, 8> x, y;
  std::size_t corners = 0;
};

// Cuts off what is behind the lens, and turns the face so that it covers: down on its left, up on its right.
Outline outline_of(const Lens& lens, const std::array<Seen, 4>& face) {
  Outline out;
  const auto keep = [&](const Seen& s) {
    out.x[out.corners] = lens.middle_x + lens.focal * s.right / s.depth;
    out.y[out.corners++] = lens.middle_y + lens.focal * s.down / s.depth;
  };
  for (std::size_t i = 0; i < 4; ++i) {
    const Seen& a = face[i];
    const Seen& b = face[(i + 1) % 4];
    if (a.depth >= kNearest_m) keep(a);
    if ((a.depth >= kNearest_m) != (b.depth >= kNearest_m)) {
      const double share = (kNearest_m - a.depth) / (b.depth - a.depth);
      keep({a.right + share * (b.right - a.right), a.down + share * (b.down - a.down), kNearest_m});
    }
  }
  double area = 0.0;
  for (std::size_t i = 0; i < out.corners; ++i) {
    const std::size_t next = (i + 1) % out.corners;
    area += (out.x[i] - out.x[0]) * (out.y[next] - out.y[0]) - (out.x[next] - out.x[0]) * (out.y[i] - out.y[0]);
  }
  if (area > 0.0) {
    std::reverse(out.x.begin(), out.x.begin() + static_cast<std::ptrdiff_t>(out.corners));
    std::reverse(out.y.begin(), out.y.begin() + static_cast<std::ptrdiff_t>(out.corners));
  }
  return out;
}

template <class Ink>
void add_outline(Ink& ink, const PictureSize& size, const Outline& o) {
  for (std::size_t i = 0; i < o.corners; ++i) {
    const std::size_t next = (i + 1) % o.corners;
    add_line(ink, size.width, size.height, o.x[i], o.y[i], o.x[next], o.y[next]);
  }
}

// Takes the faces of one solid, which meet without gap or overlap.
struct SolidInk {
  Easel& easel;
  std::int32_t grey = 0;
  int top = 1 << 20, bottom = -1;  // rows
  struct Row {
    std::int64_t* at;
    std::uint64_t* touched;
    std::int64_t unit;  // of area
    void touch(int first, int last) const {
      const int word = first >> 6;
      const std::uint64_t from = ~std::uint64_t{0} << (first & 63);
      const std::uint64_t until = ~std::uint64_t{0} >> (63 - (last & 63));
      if (last >> 6 == word) {
        touched[word] |= from & until;
        return;
      }
      touched[word] |= from;
      for (int between = word + 1; between < last >> 6; ++between) touched[between] = ~std::uint64_t{0};
      touched[last >> 6] |= until;
    }
    void add(int column, int area) const { at[column] += unit * area; }
  };
  Row row(int r, int sign) {
    top = std::min(top, r);
    bottom = std::max(bottom, r);
    const std::int64_t unit = sign * ((std::int64_t{grey} << 32) + 1);
    return {easel.solid.data() + r * easel.stride, easel.touched.data() + r * easel.words, unit};
  }
  void left(int y, int sign) {
    top = std::min(top, y >> 8);
    bottom = std::max(bottom, y >> 8);
    easel.left_cover.add(y, sign);
    easel.left_grey.add(y, sign * grey);
  }
};

struct Blend {
  std::uint32_t cover = 0, grey = 0;
  void add(std::int64_t cell) {  // a negative cover has borrowed from the greys
    const auto low = static_cast<std::int32_t>(cell);
    cover += static_cast<std::uint32_t>(low);
    grey += static_cast<std::uint32_t>((cell - low) >> 32);
  }
  std::uint8_t over(std::uint8_t below) const {
    const auto rest = static_cast<std::uint32_t>(kWhole) - cover;
    const auto sum = static_cast<std::int32_t>(below * rest + grey + kHalf) >> kWholeBits;
    return static_cast<std::uint8_t>(std::clamp(sum, 0, 255));
  }
  void fill(std::uint8_t* from, std::uint8_t* to) const {
    if (from >= to || (cover == 0 && grey == 0)) return;
    if (cover == static_cast<std::uint32_t>(kWhole)) {
      std::memset(from, over(0), static_cast<std::size_t>(to - from));
    } else {
      for (; from < to; ++from) *from = over(*from);
    }
  }
};

// Lays the solid that the ink took over the picture, and leaves the easel clean.
void lay_over(const SolidInk& ink, const PictureSize& size, std::uint8_t* out) {
  Easel& easel = ink.easel;
  Blend at_left;
  for (int row = ink.top; row <= std::min(ink.bottom, size.height - 1); ++row) {
    auto& cover_step = easel.left_cover.steps[static_cast<std::size_t>(row)];
    auto& grey_step = easel.left_grey.steps[static_cast<std::size_t>(row)];
    at_left.cover += static_cast<std::uint32_t>(cover_step * 2 * kPart);
    at_left.grey += static_cast<std::uint32_t>(grey_step * 2 * kPart);
    cover_step = grey_step = 0;
    std::int64_t* cells = easel.solid.data() + row * easel.stride;
    std::uint64_t* touched = easel.touched.data() + row * easel.words;
    std::uint8_t* line = out + static_cast<std::ptrdiff_t>(row) * size.width;
    Blend sum = at_left;
    int done = 0;
    for (std::ptrdiff_t word = 0; word < easel.words; ++word) {
      for (std::uint64_t left = touched[word]; left != 0; left &= left - 1) {
        const int column = static_cast<int>(word) * 64 + std::countr_zero(left);
        if (column < size.width) {
          sum.fill(line + done, line + column);
          sum.add(cells[column]);
          line[column] = sum.over(line[column]);
          done = column + 1;
        }
        cells[column] = 0;
      }
      touched[word] = 0;
    }
    sum.fill(line + done, line + size.width);
  }
  for (const auto row : {static_cast<std::size_t>(size.height), static_cast<std::size_t>(size.height) + 1}) {
    easel.left_cover.steps[row] = easel.left_grey.steps[row] = 0;
  }
  if (ink.bottom >= 0 && ink.bottom < size.height) {  // the step after the last row that an end reaches into
    easel.left_cover.steps[static_cast<std::size_t>(ink.bottom) + 1] = 0;
    easel.left_grey.steps[static_cast<std::size_t>(ink.bottom) + 1] = 0;
  }
}

std::int32_t whole(double grey) { return static_cast<std::int32_t>(std::clamp(grey, 0.0, 255.0) + 0.5); }

struct Block {  // upright, between two heights
  Point middle;
  double sine, cosine, half_length_m, half_width_m, from_m, to_m, grey;

  std::array<Point, 4> corners() const {
    std::array<Point, 4> found;
    for (std::size_t i = 0; i < 4; ++i) {
      const double along = i == 0 || i == 3 ? half_length_m : -half_length_m;
      const double left = i < 2 ? half_width_m : -half_width_m;
      found[i] = {middle.x + along * cosine - left * sine, middle.y + along * sine + left * cosine};
    }
    return found;
  }
};

// Positive where p is outside the edge from a to b of a counterclockwise outline.
double beyond(Point a, Point b, Point p) { return (p.x - a.x) * (b.y - a.y) - (p.y - a.y) * (b.x - a.x); }

void draw_block(const Eye& eye, const Block& block, Easel& easel, std::uint8_t* out) {
  const Lens& lens = eye.lens;
  const auto corners = block.corners();
  std::array<Seen, 4> low, high;
  for (std::size_t i = 0; i < 4; ++i) {
    low[i] = eye.look(corners[i], block.from_m);
    high[i] = eye.look(corners[i], block.to_m);
  }
  SolidInk ink{easel};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t next = (i + 1) % 4;
    const Point a = corners[i];
    const Point b = corners[next];
    if (beyond(a, b, {eye.x, eye.y}) <= 0.0) continue;
    const double length = std::sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
    const double facing = length > 0.0 ? ((b.y - a.y) * kLight.x - (b.x - a.x) * kLight.y) / length : 0.0;
    ink.grey = whole(block.grey * (kShadow + kLit * std::max(0.0, facing)));
    add_outline(ink, lens.size, outline_of(lens, {low[i], low[next], high[next], high[i]}));
  }
  if (eye.height_m() > block.to_m) {
    ink.grey = whole(block.grey);
    add_outline(ink, lens.size, outline_of(lens, high));
  }
  if (ink.bottom >= 0) lay_over(ink, lens.size, out);
}

Block block_of(const Solid& solid, const Palette& palette) {
  const SinCos yaw = sincos(solid.yaw);
  const double grey = solid.kind == SolidKind::box ? palette.box : palette.bot;
  return {{solid.x, solid.y}, yaw.sine, yaw.cosine, solid.half_length_m, solid.half_width_m, 0.0, solid.height_m, grey};
}

void draw_solid(const Eye& eye, const Solid& solid, const Palette& palette, Easel& easel, std::uint8_t* out) {
  Block body = block_of(solid, palette);
  if (solid.kind == SolidKind::box) return draw_block(eye, body, easel, out);
  body.to_m = kBodyShare * solid.height_m;
  Block cabin = body;
  const double middle = 0.5 * (kCabinFront + kCabinBack) * solid.half_length_m;
  cabin.middle = {body.middle.x + middle * body.cosine, body.middle.y + middle * body.sine};
  cabin.half_length_m = 0.5 * (kCabinFront - kCabinBack) * solid.half_length_m;
  cabin.half_width_m = kCabinWidth * solid.half_width_m;
  cabin.from_m = body.to_m;
  cabin.to_m = solid.height_m;
  cabin.grey = kCabinGrey * body.grey;
  const bool from_above = eye.height_m() > body.to_m;
  draw_block(eye, from_above ? body : cabin, easel, out);
  draw_block(eye, from_above ? cabin : body, easel, out);
}

// Whether a line along one of b's sides separates the two, and then whether a is on the lens's side of it.
enum class Order : std::uint8_t { unknown, nearer, farther };
Order order_by_sides(const std::array<Point, 4>& a, const std::array<Point, 4>& b, Point eye) {
  for (std::size_t i = 0; i < 4; ++i) {
    const Point from = b[i];
    const Point to = b[(i + 1) % 4];
    if (std::all_of(a.begin(), a.end(), [&](Point p) { return beyond(from, to, p) >= 0.0; })) {
      return beyond(from, to, eye) > 0.0 ? Order::nearer : Order::farther;
    }
  }
  return Order::unknown;
}

struct Placed {
  const Solid* solid;
  std::array<Point, 4> corners;
  double away2;  // squared distance of its middle
};

bool covers(const Placed& a, const Placed& b, Point eye) {  // a may hide a part of b
  const Order mine = order_by_sides(a.corners, b.corners, eye);
  if (mine != Order::unknown) return mine == Order::nearer;
  const Order its = order_by_sides(b.corners, a.corners, eye);
  if (its != Order::unknown) return its == Order::farther;
  return a.away2 < b.away2;
}

bool in_sight(const Eye& eye, const Solid& s) {
  const double radius = std::sqrt(s.half_length_m * s.half_length_m + s.half_width_m * s.half_width_m) + s.height_m;
  const Seen middle = eye.look({s.x, s.y}, 0.0);
  const double slope = eye.lens.middle_x / eye.lens.focal;
  return middle.depth + radius > kNearest_m && middle.depth - radius < kFarthest_m &&
         std::abs(middle.right) < middle.depth * slope + radius * (1.0 + slope);
}

bool inside_of_wall(const std::vector<Point>& walls, std::size_t i, Point p) {
  return beyond(walls[i], walls[(i + 1) % walls.size()], p) <= 0.0;
}

Outline wall_outline(const Scene& scene, const Eye& eye, std::size_t i) {
  const Point at = scene.origin();
  const Point a{scene.walls()[i].x + at.x, scene.walls()[i].y + at.y};
  const Point& corner = scene.walls()[(i + 1) % scene.walls().size()];
  const Point b{corner.x + at.x, corner.y + at.y};
  const double z = scene.wall_height_m();
  return outline_of(eye.lens, {eye.look(a, 0.0), eye.look(b, 0.0), eye.look(b, z), eye.look(a, z)});
}

}  // namespace

int draw_far_walls(const Scene& scene, const View& view, const Pose& base, GroundInk& ink) {
  int top = view.lens().size.height;
  if (scene.walls().empty()) return top;
  const Eye eye(view, base);
  const Point here{eye.x - scene.origin().x, eye.y - scene.origin().y};
  for (std::size_t i = 0; i < scene.walls().size(); ++i) {
    if (!inside_of_wall(scene.walls(), i, here)) continue;
    ink.choose(kLayers + i % kWallShades);
    const Outline outline = wall_outline(scene, eye, i);
    add_outline(ink, view.lens().size, outline);
    for (std::size_t k = 0; k < outline.corners; ++k) {
      top = std::min(top, static_cast<int>(std::clamp(outline.y[k], 0.0, static_cast<double>(view.lens().size.height))));
    }
  }
  return top;
}

void draw_near_walls(const Scene& scene, const View& view, const Pose& base, Easel& easel, std::uint8_t* out) {
  if (scene.walls().empty()) return;
  const Eye eye(view, base);
  const Point here{eye.x - scene.origin().x, eye.y - scene.origin().y};
  for (std::size_t i = 0; i < scene.walls().size(); ++i) {
    if (inside_of_wall(scene.walls(), i, here)) continue;
    SolidInk ink{easel};
    ink.grey = view.wall_grey(i % kWallShades);
    add_outline(ink, view.lens().size, wall_outline(scene, eye, i));
    if (ink.bottom >= 0) lay_over(ink, view.lens().size, out);
  }
}

// From the farthest on: next comes one that hides no part of those still to come.
void draw_solids(const View& view, const Pose& base, std::span<const Solid> solids, Easel& easel, std::uint8_t* out) {
  if (solids.empty()) return;
  const Eye eye(view, base);
  const Point here{eye.x, eye.y};
  thread_local std::vector<Placed> waiting;
  waiting.clear();
  for (const Solid& solid : solids) {
    if (!in_sight(eye, solid)) continue;
    const double dx = solid.x - eye.x;
    const double dy = solid.y - eye.y;
    waiting.push_back({&solid, block_of(solid, view.palette()).corners(), dx * dx + dy * dy});
  }
  while (!waiting.empty()) {
    std::size_t next = waiting.size();
    for (std::size_t i = 0; i < waiting.size() && next == waiting.size(); ++i) {
      bool hides = false;
      for (std::size_t k = 0; k < waiting.size() && !hides; ++k) hides = k != i && covers(waiting[i], waiting[k], here);
      if (!hides) next = i;
    }
    if (next == waiting.size()) {  // each hides another, as only solids that run into each other can
      const auto farther = [](const Placed& a, const Placed& b) { return a.away2 < b.away2; };
      next = static_cast<std::size_t>(std::max_element(waiting.begin(), waiting.end(), farther) - waiting.begin());
    }
    draw_solid(eye, *waiting[next].solid, view.palette(), easel, out);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(next));
  }
}

}  // namespace paddock
