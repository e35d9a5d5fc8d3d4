// Boxes, bots and other cars: where they are placed, how they move, what each car knows of them and what it runs into.
// The rules are those of SimApp's obstacles_agent_ctrl, bot_cars_agent_ctrl, crash_reset_rule and track_data;
// sim/reference/objects.py has them slowly.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dynamics.hpp"
#include "lanes.hpp"
#include "random.hpp"
#include "solids.hpp"
#include "track.hpp"

namespace paddock {

enum class Others : std::uint8_t { absent, seen, solid };  // whether the cars of a world meet on one road

struct BoxRules {
  struct Place {
    double fraction;  // of the lap
    bool inner;
  };
  std::vector<Place> places;        // if any they stand there; else `count` of them are placed
  std::int32_t count = 0;
  bool random = true;               // perturbed, in drawn lanes; else evenly, in alternating lanes
  double from = 0.07, to = 0.90;    // of the lap
  double gap_m = 2.0;
};

struct BotRules {
  std::int32_t count = 0;
  bool random = false;
  double speed_mps = 0.2;
  bool changes_lanes = true;
  double straight_least_s = 1.0, straight_most_s = 5.0;  // between two changes of lane
  double gap_m = 2.0;
};

struct ObjectRules {
  BoxRules boxes;
  BotRules bots;
  Others others = Others::absent;
};

// Columns about all objects, then kObjectColumns for each; sim/reward_state.py names them.
inline constexpr std::size_t kObjectsColumns = 3;
inline constexpr std::size_t kObjectColumns = 8;

struct Touch {
  enum class Kind : std::uint8_t {
    none,
    box,
    behind,  // a car or bot ahead of which the toucher is not: its crash
    ahead    // a car or bot behind the toucher, or beside it: not its crash
  };
  Kind kind = Kind::none;
  bool by_bot = false;  // which drove into it from behind
  bool counts() const { return kind == Kind::box || kind == Kind::behind; }
};

class Objects {
 public:
  // Throws std::invalid_argument where they do not fit on the track.
  Objects(const Track& track, const ObjectRules& rules, std::size_t cars);

  bool shared() const { return rules_.others != Others::absent; }
  std::size_t per_car() const { return per_car_; }

  // Places the boxes and bots of a car's road anew, from a stream of (seed, number, episode). On a shared road they are
  // all cars', and `car` is 0.
  void place(std::size_t car, std::uint64_t seed, std::uint64_t number, std::uint64_t episode);
  // 1/15 s of a road; a bot that drove into a car since the last time stands, and the others with it.
  void drive(std::size_t car);
  // Where a car is from now on, on a shared road.
  void note(std::size_t car, const Motion& motion, double speed_mps, bool on_road, bool touchable);

  // On the centre line, or in the other lane where an object is within a metre of the start.
  Pose start_pose(std::size_t car, double fraction) const;
  // The starting grid of a shared road: 0.75 m apart, backwards from the line, in alternating lanes.
  Pose grid_pose(std::size_t car, double fraction) const;
  // The box within a metre along the track of a place, or -1.
  std::int32_t box_near(std::size_t car, double fraction) const;
  // A metre before a box, or behind it, in the lane that it does not stand in.
  Pose pose_beside(std::size_t car, std::int32_t box, bool beyond) const;
  // What the car's body touches with a corner.
  Touch touched(std::size_t car, const Motion& motion, double fraction) const;
  // A bot drove into the car: from the next row on it stands for a while, and the other bots with it.
  void halt(std::size_t car) { halts_[car] = 1; }
  // Brings solids(car) up to date, and writes what a reward function is told: kObjectsColumns and
  // per_car() * kObjectColumns numbers.
  void write(std::size_t car, const Motion& motion, SinCos yaw, double along_m, double* out);
  std::span<const Solid> solids(std::size_t car) const { return {solids_.data() + car * per_car_, seen_[car]}; }

 private:
  struct Object {
    Solid solid;
    double speed_mps;
    double along_m, from_centre_m;   // of its middle
    double fraction;                 // of the lap, of the point ahead of it that a car is judged by
    bool left, inner, on_road, touchable;
  };
  struct Bot {
    double from_m;                   // on the centre line, when the episode began
    bool inner;                      // the lane that it leaves next
    double leaves_s, arrives_s;      // by the clock of its road
  };
  struct Road {
    std::vector<Object> objects;     // boxes, then bots
    std::vector<Bot> bots;
    std::int64_t steps = 0;          // that the bots have driven
    std::int32_t standing = 0;       // rows for which they still stand
    Random random;
  };
  const Road& road(std::size_t car) const { return roads_[shared() ? 0 : car]; }
  Road& road(std::size_t car) { return roads_[shared() ? 0 : car]; }
  // Calls f with every object that a car is told of, in order; stops where f returns true.
  template <typename F>
  void each(std::size_t car, F f) const;
  void place_boxes(Road& road) const;
  void place_bots(Road& road) const;
  void draw_lane_change(Bot& bot, double now_s, Random& random) const;
  void move_bot(const Road& road, const Bot& bot, Object& object) const;
  void locate(Object& object) const;
  std::vector<double> spread(std::int32_t count, double from_m, double to_m, double gap_m, bool random,
                             Random& draws) const;
  double gap_m(double a_m, double b_m) const;

  const Track& track_;
  ObjectRules rules_;
  Lanes lanes_;
  std::size_t per_car_;
  std::vector<Road> roads_;
  std::vector<Object> company_;       // the cars of a shared road, as of this row
  std::vector<Solid> solids_;         // (cars, per_car_)
  std::vector<std::size_t> seen_;
  std::vector<std::uint8_t> halts_;   // cars into which a bot drove
};

}  // namespace paddock
