// How much of each pixel a polygon covers, exactly and in integers: the same bits everywhere, and edges as smooth as
// an infinitely fine picture averaged down.
//
// A polygon is given edge by edge. Each edge adds, in every row it passes, the area to its right: to its own pixel and
// to the one after it, as differences, so that a sum from left to right gives the covered share of every pixel (the
// signed-area accumulation of FreeType's smooth rasteriser and of font-rs). Vertices lie on 1/256 of a pixel, and what
// an edge adds to a row is exactly its height there, so polygons that share an edge leave neither gap nor overlap.
#pragma once

#include <cstdint>
#include <vector>

namespace paddock {

inline constexpr int kPart = 256;              // vertices lie on 1 / kPart of a pixel
inline constexpr int kWholeBits = 17;          // a whole pixel is 1 << kWholeBits: kPart rows of height, twice kPart across
inline constexpr std::int32_t kWhole = 1 << kWholeBits;

// An Ink takes what edges add. row(r, sign) gives what takes a row's: touch(c, d) says that columns c to d follow, and
// add(c, area) adds to one. left(y, sign) takes an edge's end left of the picture: from y down to the bottom, all is
// right of it.

// An edge's piece within a row, from x0 to x1 over `height` of the row. `steep` is how far the edge rises per part
// across, times 1 << kSteepBits.
inline constexpr int kSteepBits = 20;
template <class Row>
inline void add_piece(const Row& row, int x0, int x1, int height, std::int64_t steep) {
  const int left = x0 < x1 ? x0 : x1;
  const int right = x0 < x1 ? x1 : x0;
  int column = left >> 8;
  const int last = right >> 8;
  row.touch(column, last + 1);
  if (column == last) {
    const int across = height * ((left & 255) + (right & 255));
    row.add(column, height * 2 * kPart - across);
    row.add(column + 1, across);
    return;
  }
  std::int64_t reached = (((column + 1) << 8) - left) * steep;  // in heights, times 1 << kSteepBits
  const std::int64_t step = steep << 8;
  const auto kept = [height](std::int64_t at) {
    const int whole = static_cast<int>(at >> kSteepBits);
    return whole < height ? whole : height;
  };
  int done = kept(reached);
  int over = done * ((left & 255) + kPart);  // what a column leaves for the next
  row.add(column, done * 2 * kPart - over);
  for (++column; column < last; ++column) {
    reached += step;
    const int now = kept(reached);
    const int half = (now - done) * kPart;
    row.add(column, over + half);
    over = half;
    done = now;
  }
  const int across = (height - done) * (right & 255);
  row.add(column, over + (height - done) * 2 * kPart - across);
  row.add(column + 1, across);
}

// The same where the piece is at most a pixel wide, so that it lies in one column or two, without a branch.
template <class Row>
inline void add_steep_piece(const Row& row, int x0, int x1, int height, std::int64_t steep) {
  const int left = x0 < x1 ? x0 : x1;
  const int right = x0 < x1 ? x1 : x0;
  const int column = left >> 8;
  const int edge = (column + 1) << 8;
  const int reached = static_cast<int>((edge - left) * steep >> kSteepBits);
  const int kept = reached < height ? reached : height;
  const int first = right < edge ? height : kept;
  const int second = height - first;
  const int across = first * ((left & 255) + (right < edge ? right : edge) - (column << 8));
  const int farther = second * (right - edge);
  row.touch(column, (right >> 8) + 1);
  row.add(column, first * 2 * kPart - across);
  row.add(column + 1, across + second * 2 * kPart - farther);
  row.add(column + 2, farther);
}

// An edge within the picture; coordinates in 1/256 of a pixel, 0 <= x <= width, 0 <= y <= height.
template <class Ink>
inline void add_edge(Ink& ink, int x0, int y0, int x1, int y1) {
  if (y0 == y1) return;
  int sign = 1;
  if (y0 > y1) {
    const int x = x0, y = y0;
    x0 = x1, y0 = y1, x1 = x, y1 = y;
    sign = -1;
  }
  int row = y0 >> 8;
  const int last = (y1 - 1) >> 8;
  const int wide = x1 > x0 ? x1 - x0 : x0 - x1;
  const std::int64_t steep =
      (x0 >> 8) == (x1 >> 8) ? 0 : static_cast<std::int64_t>(static_cast<double>((y1 - y0) << 8) / wide * (1 << (kSteepBits - 8)));
  if (row == last) {
    add_piece(ink.row(row, sign), x0, x1, y1 - y0, steep);
    return;
  }
  const auto slope = static_cast<std::int64_t>(static_cast<double>(x1 - x0) / (y1 - y0) * 65536.0);
  std::int64_t reached = (static_cast<std::int64_t>(x0) << 16) + slope * (((row + 1) << 8) - y0);
  int x = static_cast<int>(reached >> 16);
  add_piece(ink.row(row, sign), x0, x, ((row + 1) << 8) - y0, steep);
  if (wide <= y1 - y0) {
    for (++row; row < last; ++row) {
      reached += slope << 8;
      const int next = static_cast<int>(reached >> 16);
      add_steep_piece(ink.row(row, sign), x, next, kPart, steep);
      x = next;
    }
  } else {
    for (++row; row < last; ++row) {
      reached += slope << 8;
      const int next = static_cast<int>(reached >> 16);
      add_piece(ink.row(row, sign), x, next, kPart, steep);
      x = next;
    }
  }
  add_piece(ink.row(last, sign), x, x1, y1 - (last << 8), steep);
}

// An edge left of the picture covers whole rows.
template <class Ink>
inline void add_left_edge(Ink& ink, int y0, int y1) {
  ink.left(y0, 1);
  ink.left(y1, -1);
}

// What the ends of edges left of the picture amount to: for each row the height to the right of them.
struct LeftEnds {
  std::vector<std::int32_t> steps;  // height + 2 of them: differences from row to row
  int first = 1 << 20, last = -1;   // rows that an end has changed
  void add(int y, int factor) {
    const int row = y >> 8;
    first = row < first ? row : first;
    last = row + 1 > last ? row + 1 : last;
    steps[static_cast<std::size_t>(row)] += factor * (kPart - (y & 255));
    steps[static_cast<std::size_t>(row) + 1] += factor * (y & 255);
  }
  // Gives each row and its step, from the first changed to the last, and forgets them. Beyond, steps sum up to nothing.
  template <class Each>
  void take(const Each& each) {
    for (int row = first; row <= last; ++row) {
      each(row, steps[static_cast<std::size_t>(row)]);
      steps[static_cast<std::size_t>(row)] = 0;
    }
    first = 1 << 20, last = -1;
  }
};

inline int part_of(double pixels) { return static_cast<int>(pixels * kPart + 0.5); }

// An edge anywhere, in pixels; what lies above, below or right of the picture is left out.
template <class Ink>
inline void add_line(Ink& ink, double width, double height, double ax, double ay, double bx, double by) {
  if ((ay <= 0.0 && by <= 0.0) || (ay >= height && by >= height)) return;
  const double slope = (bx - ax) / (by - ay);  // used only where the ends differ
  const auto cut_y = [&](double& x, double& y) {
    const double kept = y < 0.0 ? 0.0 : (y > height ? height : y);
    if (kept != y) x += (kept - y) * slope;
    y = kept;
  };
  cut_y(ax, ay);
  cut_y(bx, by);
  if (ax <= 0.0 && bx <= 0.0) {
    add_left_edge(ink, part_of(ay), part_of(by));
    return;
  }
  if (ax >= width && bx >= width) return;
  const double steep = (by - ay) / (bx - ax);
  const auto cut_x = [&](double x, double y, double at) { return y + (at - x) * steep; };
  if (ax < 0.0 || bx < 0.0) {
    const double y = cut_x(ax, ay, 0.0);
    if (ax < 0.0) {
      add_left_edge(ink, part_of(ay), part_of(y));
      ax = 0.0, ay = y;
    } else {
      add_left_edge(ink, part_of(y), part_of(by));
      bx = 0.0, by = y;
    }
  }
  if (ax > width) {
    ay = cut_x(ax, ay, width);
    ax = width;
  } else if (bx > width) {
    by = cut_x(ax, ay, width);
    bx = width;
  }
  add_edge(ink, part_of(ax), part_of(ay), part_of(bx), part_of(by));
}

}  // namespace paddock
