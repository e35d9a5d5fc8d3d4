// The rules of an episode, as SimApp's reset rules and rollout controller have them.
#pragma once

#include <cstdint>

#include "dynamics.hpp"
#include "random.hpp"

namespace paddock {

// In the order of sim/episode.py's STATUSES; the code is what the status array holds.
enum class Status : std::uint8_t {
  prepare, in_progress, pause, lap_complete, off_track, crashed, immobilized, reversed, time_up, park, error
};

enum class Start : std::uint8_t { fixed, advance, random };

struct Rules {
  std::int32_t laps = 1;
  bool continuous = false;
  std::int32_t maximum_resets = 0;
  std::int32_t pause_steps = 1;     // rows of `pause` after leaving the track; at least one, as in the real log
  std::int32_t crash_steps = 1;     // the same after running into something
  bool reset_at_previous = false;   // a car that left the track is put where the row before was; else where it left
  std::int32_t mercy_after = 0;     // this many resets at one box put the car beyond it; 0: never
  std::int32_t maximum_steps = 100000;
  Start start = Start::fixed;
  double start_offset = 0.0;        // fraction of the lap
  bool auto_reset = true;
};

inline constexpr double kAdvance = 0.05;          // of the lap per episode (round robin)
inline constexpr double kFront_m = 0.14;          // x, y and progress are those of a point this far ahead of the base
inline constexpr std::int32_t kPatience = 15;     // steps without moving, or of falling progress
inline constexpr double kMoved_m = 0.0003;

enum class Doing : std::uint8_t { nothing, running, pausing, beginning, failing };  // in the step that is being made

struct Car {
  Motion motion;
  Command command;             // last accepted
  Random random;
  std::int64_t episode = -1;
  double start_fraction = 0.0;
  double previous_progress = 0.0;
  double front_x[2] = {0.0, 0.0}, front_y[2] = {0.0, 0.0};   // one and two rows ago
  std::int32_t steps = 0;
  std::int32_t lap_from = 0;   // steps when the running lap began
  std::int32_t laps = 0;
  std::int32_t resets = 0;
  std::int32_t lap_from_resets = 0;
  std::int32_t standing = 0, falling = 0, pausing = 0;
  double fraction = 0.0;       // of the lap in the last row
  double base_x = 0.0, base_y = 0.0;
  std::int32_t box = -1;       // the last one that it was put back beside, and how often in a row
  std::int32_t box_resets = 0;
  bool off_limits = false;     // waits for a penalty: nobody can run into it
  Doing doing = Doing::nothing;
};

// SimApp's compute_current_prog: 0..100, from the difference of fractions and the progress one row before.
inline double progress_after(double difference, double previous) {
  double progress = 100.0 * difference;
  progress += progress <= 0.0 ? 100.0 : 0.0;
  progress += previous > progress + 50.0 ? 100.0 : 0.0;
  progress -= progress > previous + 50.0 ? 100.0 : 0.0;
  return progress < 100.0 ? progress : 100.0;
}

}  // namespace paddock
