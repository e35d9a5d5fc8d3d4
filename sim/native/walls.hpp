// The track's borders as walls, and which of them are within reach of a place.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fan.hpp"
#include "track.hpp"

namespace paddock {

class Walls {
 public:
  // reach_m: walls farther away are of no interest.
  Walls(const Track& track, double reach_m);

  double reach_m() const { return reach_m_; }
  // Shortens the beams that meet a border.
  void shorten(Fan& fan) const;
  // How far one beam gets, at most reach_m, by asking every wall; tests hold the fan equal to it.
  double distance_slowly(const Fan& fan, std::size_t beam) const;

 private:
  struct Chain {  // walls from each corner to the next
    std::uint32_t first, last;
  };
  void build_cells();
  std::span<const Chain> near(Point place) const;

  double reach_m_;
  std::vector<double> x_, y_;  // corners of both borders
  std::vector<Chain> borders_;

  // For each square of a grid the walls within reach of a place in it.
  Point corner_{};
  double per_cell_ = 0.0;
  std::int32_t columns_ = 0, rows_ = 0;
  std::vector<std::uint32_t> first_;
  std::vector<Chain> chains_;
};

}  // namespace paddock
