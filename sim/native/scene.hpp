// What lies flat on the ground, as polygons for the camera: the road with its border lines, its surface, the dashes
// of the centre line. Cut into pieces of about a metre, each in several grades of fineness; nothing changes after
// construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "track.hpp"

namespace paddock {

struct Marking {  // what is painted on the road, and the walls around the field
  double line_width_m = 0.05;   // border lines, inside the borders
  double dash_width_m = 0.05;
  double dash_length_m = 0.1;
  double dash_gap_m = 0.1;
  double wall_distance_m = 0.0;  // from the outermost points of the borders
  double wall_height_m = 0.0;    // 0: no walls
};

// Each layer covers a part of the one before: its colour replaces that one's. The last is a strip along the dashes with
// their mean grey, in place of dashes too far away to be told apart.
enum class Layer : std::uint8_t { line, road, dash, strip };
inline constexpr std::size_t kLayers = 4;
inline constexpr std::size_t kGrades = 4;
inline constexpr std::array<double, kGrades> kGrade_m{0.0005, 0.003, 0.01, 0.03};  // farthest that an edge is moved

class Scene {
 public:
  Scene(const Track& track, const Marking& marking);

  // Everything is in metres from origin(), which lies in the middle, so that single precision is enough.
  Point origin() const { return origin_; }
  // Corners of the walls, counterclockwise, from origin(); empty without walls.
  const std::vector<Point>& walls() const { return walls_; }
  double wall_height_m() const { return wall_height_m_; }
  double dash_share() const { return dash_share_; }  // of the centre line

  // Each piece is a chain of corners, as fine as one of the grades: from first[i * kGrades + grade] to the next entry.
  // A piece of dashes has several closed chains instead, and one around all in its coarsest grade.
  struct Pieces {
    std::vector<float> x, y, radius;                // circles around them
    std::vector<float> from_x, from_y, to_x, to_y;  // ends of the chain
    std::vector<std::uint8_t> layer;
    std::vector<std::uint8_t> follows;              // whether the chain begins where the one before ends
    std::vector<float> dashes;                      // how many
    std::vector<std::uint32_t> first;
    std::size_t size() const { return x.size(); }
  };
  struct Corners {                                  // kBeyond more than there are, so that several can be read at once
    static constexpr std::size_t kBeyond = 8;
    std::vector<float> x, y;
    std::vector<std::uint8_t> goes_on;              // whether an edge leads to the next corner
  };
  const Pieces& pieces() const { return pieces_; }
  const Corners& corners() const { return corners_; }

 private:
  void add_ring(const std::vector<Point>& ring, Layer layer);
  void add_chain(const std::vector<Point>& chain, Layer layer);
  void add_circle(Point low, Point high, Point from, Point to, Layer layer, std::size_t dashes);
  void add_corners(const std::vector<Point>& chain);
  static std::vector<Point> band(const Polyline& centre, double from_m, double to_m, double width_m);
  void add_dashes(const Track& track, const Marking& marking);

  Point origin_{};
  std::vector<Point> walls_;
  double wall_height_m_ = 0.0;
  double dash_share_ = 0.0;
  Pieces pieces_;
  Corners corners_;
};

}  // namespace paddock
