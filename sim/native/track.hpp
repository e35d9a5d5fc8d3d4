// The track as the real simulator's reward parameters see it (SimApp's track_data.py and agent_ctrl/utils.py),
// plus a table along the centre line for observations. Nothing here changes after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "beside.hpp"
#include "nearest.hpp"
#include "polyline.hpp"
#include "samples.hpp"

namespace paddock {

struct Pose {
  double x;
  double y;
  double yaw;
};

struct TrackState {  // of one point, what the reward parameters say about it
  Projection centre;
  double fraction;            // projection divided by the length, "ndist"
  std::int32_t previous;      // closest waypoints
  std::int32_t next;
  double distance_m;          // from the centre line
  double width_m;
  bool left_of_centre;
};

class Track {
 public:
  // All three lines have the same number of points, given in driving order; closed: first == last.
  Track(std::vector<Point> centre, std::vector<Point> inner, std::vector<Point> outer, bool closed);

  const Polyline& centre() const { return centre_; }
  const Polyline& inner() const { return inner_; }
  const Polyline& outer() const { return outer_; }
  bool closed() const { return closed_; }
  double length_m() const { return centre_.length_m(); }
  const Samples& samples() const { return samples_; }

  // On the centre line.
  Projection project(Point p) const { return nearest_.project(p); }
  TrackState locate(Point p) const;
  // The same of `count` places, to the bit, sooner.
  void locate(const Point* places, std::size_t count, TrackState* states) const;
  // Inside the outer border and not inside the inner one (an open track: inside the band between them).
  bool on_track(Point p) const;
  // Whether that is sure to be the answer for every point at most kClear_m away, too.
  static constexpr double kClear_m = 0.12;
  enum class Around : std::uint8_t { off, on, unsure };
  Around around(Point p) const {
    const Cell cell = cell_of(p);
    if (cell == Cell::clear_on) return Around::on;
    return cell == Cell::clear_off ? Around::off : Around::unsure;
  }
  // On the centre line at a fraction of the lap, looking at the next waypoint.
  Pose start_pose(double fraction) const;
  // On the nearer of the two lane centres (half way between centre and border), beside a place on the centre line.
  Pose reset_pose(double fraction, Point near) const;
  // On one lane's centre beside a place on the centre line, looking at the lane's next point.
  Pose lane_pose(double fraction, bool inner) const;
  const Polyline& lane(bool inner) const { return inner ? inner_lane_ : outer_lane_; }
  bool inner_is_left() const { return inner_is_left_; }
  // What was given for a waypoint: lines above drop repeats, so their indices are not the waypoints'.
  Point inner_at(std::size_t waypoint) const {
    return closed_ ? inner_ring_[waypoint] : outer_ring_[2 * centre_.points().size() - 1 - waypoint];
  }
  Point outer_at(std::size_t waypoint) const { return outer_ring_[waypoint]; }

 private:
  // Squares that no border passes are wholly on or wholly off the track; clear: no border is within kClear_m either.
  enum class Cell : std::uint8_t { off, on, border, clear_off, clear_on };

  void locate_all(const Point* places, std::size_t count, TrackState* states) const;
  void locate_avx2(const Point* places, std::size_t count, TrackState* states) const;
  // Prev and next as the real simulator finds them: bisect_right over the waypoints' own projections.
  void search_waypoints(double fraction, std::int32_t& previous, std::int32_t& next) const;
  Pose look_ahead(const Polyline& line, double along_m) const;
  void build_rings();
  void build_cells();
  void clear_cells(std::int32_t reach);
  Cell cell_of(Point p) const {
    const double column = (p.x - corner_.x) * per_cell_;
    const double row = (p.y - corner_.y) * per_cell_;
    if (!(column >= 0.0 && row >= 0.0 && column < columns_ && row < rows_)) return Cell::clear_off;
    return cells_[static_cast<std::size_t>(static_cast<std::int32_t>(row)) * columns_ +
                  static_cast<std::size_t>(static_cast<std::int32_t>(column))];
  }
  bool inside_rings(Point p) const;
  bool inside(const std::vector<Point>& ring, const std::vector<std::uint32_t>& first,
              const std::vector<std::uint32_t>& edges, Point p) const;

  bool closed_;
  Polyline centre_, inner_, outer_, inner_lane_, outer_lane_;
  std::vector<double> waypoint_fractions_;
  bool rising_ = true;        // waypoint_fractions_ never falls
  bool inner_is_left_ = true;

  std::vector<Point> outer_ring_, inner_ring_;  // an open track has one ring only
  double bottom_ = 0.0, per_strip_ = 0.0;
  std::int32_t strips_ = 0;
  std::vector<std::uint32_t> outer_first_, outer_edges_, inner_first_, inner_edges_;

  std::vector<Cell> cells_;
  Point corner_{};
  double per_cell_ = 0.0;
  std::int32_t columns_ = 0, rows_ = 0;

  Nearest nearest_;                // of the centre line
  Beside inner_beside_, outer_beside_;
  Samples samples_;
};

}  // namespace paddock
