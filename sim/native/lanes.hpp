// The road's two lanes, half way between the centre line and each border: where things stand on them, and the smooth
// curves along which bots drive.
#pragma once

#include <cstdint>
#include <vector>

#include "track.hpp"

namespace paddock {

class Lanes {
 public:
  // Keeps a reference to the track.
  explicit Lanes(const Track& track);

  // A thing that stands in a lane beside a place on the centre line, along the lane's segment there (SimApp's
  // interpolate_pose with CENTRAL_DIFFERENCE).
  Pose standing(double along_m, bool inner) const;
  // A bot beside a place on the centre line, `share` of the way from one lane to the other, the share growing by
  // `share_per_m`. Direction and place change smoothly along the lane.
  Pose driving(double along_m, bool from_inner, double share, double share_per_m) const;
  // Left as SimApp has it for objects: within the half of the road on the left border's side.
  bool left_of_centre(Point p) const;

 private:
  struct Knot {  // of a curve over the centre line's length: a place and its derivative
    double x, y, dx, dy;
  };
  struct Edge {
    Point a, b;
  };
  Knot at(const std::vector<Knot>& curve, double along_m) const;
  std::vector<Knot> curve_through(const std::vector<Point>& points) const;
  void build_halves();

  const Track& track_;
  std::vector<Knot> inner_, outer_;  // one for each waypoint
  std::vector<Edge> edges_;          // round the half of the road between the centre line and the inner border
  double bottom_ = 0.0, per_strip_ = 0.0;
  std::vector<std::uint32_t> strip_first_, strip_edges_;
};

}  // namespace paddock
