// How the car moves: four driven wheels with Coulomb friction, one hinge angle, on a flat floor.
//
// Each wheel's contact slides over the floor along the wheel (its own speed less that of its tread) and across it.
// Friction opposes both, each at most a quarter of its axle's grip times the car's mass, and softly below slip_mps:
// limits of their own for the two directions are what the friction pyramid of the real simulator's engine has. All
// wheels turn at one mean speed and both front wheels have one angle, so in a bend they work against each other: the
// understeer of the real car comes from there and needs no factor of its own. The rear wheels' speed hunts by
// hunting_mps about its mean, faster than a substep, so each counts as two halves, one at either end of that swing:
// below it they hardly push along, and still hold across. Nothing here depends on mass.
#pragma once

#include <array>
#include <cstddef>

namespace paddock {

inline constexpr double kStep_s = 1.0 / 15.0;
inline constexpr int kSubsteps = 4;
inline constexpr double kMaximumHinge_rad = 0.78;  // what sincos_reduced takes

struct CarParameters {  // sim/dynamics.py names, documents and orders these the same
  double front_axle_m;         // ahead of the base
  double rear_axle_m;          // behind the base
  double front_half_track_m;
  double rear_half_track_m;
  double speed_gain;           // steady speed over commanded speed
  double wheel_lag_s;          // the wheels' speed follows the command with this time constant
  double steering_gain;        // steady hinge angle over commanded angle
  double steering_lag_s;
  double steering_pull_rad;    // by which the hinge stands left of what is commanded; may be negative
  double command_delay_s;      // from the row of a command to its effect, at most two steps
  double front_grip_mps2;      // deceleration that the wheels of an axle would give the car if all four were like them
  double rear_grip_mps2;
  double slip_mps;             // sliding at which friction has 71 % of its strength
  double rear_slip_across_mps; // the same across the rear wheels
  double hunting_mps;          // by which the treads of the rear wheels swing about their speed
  double gyration_m;           // radius of gyration about the vertical axis
};
inline constexpr std::size_t kCarParameters = sizeof(CarParameters) / sizeof(double);

struct Command {
  double steering_rad = 0.0;
  double speed_mps = 0.0;
};

struct Motion {
  double x = 0.0, y = 0.0, yaw = 0.0;              // of the base, in the track's frame
  double forward_mps = 0.0, sideways_mps = 0.0;    // of the base, in the car's frame, left is positive
  double yaw_rate = 0.0;                           // rad/s
  double hinge_rad = 0.0;
  double tread_mps = 0.0;                          // circumferential speed of the wheels
  std::array<Command, 2> before;                   // the last two, in force while newer ones are delayed
};

// Throws std::invalid_argument where a number makes no car.
CarParameters checked(const std::array<double, kCarParameters>& values);

// One step, of 1/15 s unless a recording says otherwise.
void drive(const CarParameters& car, const Command& command, Motion& motion, double step_s = kStep_s);

// One step of 1/15 s for kLanes cars side by side, each to the bit what drive() makes of it alone.
inline constexpr std::size_t kLanes = 8;
void drive_lanes(const CarParameters& car, const std::array<Command, kLanes>& commands,
                 const std::array<Motion*, kLanes>& motions);

}  // namespace paddock
