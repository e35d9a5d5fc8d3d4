#include "dynamics.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "maths.hpp"

namespace paddock {
namespace {

// Sums over the wheels of friction per speed of sliding (per unit mass) and its moments about the base.
struct Friction {
  double all = 0.0, ahead = 0.0, left = 0.0, around = 0.0;
  double drive_x = 0.0, drive_y = 0.0, drive_turn = 0.0;

  // Adds one wheel at (px, py) whose tread runs at (tx, ty) over the car.
  void add(const Motion& m, double grip, double softness, double px, double py, double tx, double ty) {
    const double sx = m.forward_mps - m.yaw_rate * py - tx;
    const double sy = m.sideways_mps + m.yaw_rate * px - ty;
    const double strength = grip / std::sqrt(sx * sx + sy * sy + softness);
    all += strength;
    ahead += strength * px;
    left += strength * py;
    around += strength * (px * px + py * py);
    drive_x += strength * tx;
    drive_y += strength * ty;
    drive_turn += strength * (px * ty - py * tx);
  }
};

// Friction is stiff at small sliding, so the velocities are stepped implicitly with the strengths held for the
// substep: (1 + h A) v' = v + h b. A is symmetric but for the scale of its last row; it is solved by elimination.
void slide(const CarParameters& car, const Friction& f, double h, Motion& m) {
  const double turn = h / (car.gyration_m * car.gyration_m);
  const double d = 1.0 + h * f.all;
  const double a = -h * f.left;     // forward from yaw rate
  const double b = h * f.ahead;     // sideways from yaw rate
  const double c = -turn * f.left;  // yaw rate from forward
  const double e = turn * f.ahead;  // yaw rate from sideways
  const double g = 1.0 + turn * f.around;
  const double rx = m.forward_mps + h * f.drive_x;
  const double ry = m.sideways_mps + h * f.drive_y;
  const double rw = m.yaw_rate + turn * f.drive_turn;
  const double per_d = 1.0 / d;
  m.yaw_rate = (rw - (c * rx + e * ry) * per_d) / (g - (c * a + e * b) * per_d);
  m.forward_mps = (rx - a * m.yaw_rate) * per_d;
  m.sideways_mps = (ry - b * m.yaw_rate) * per_d;
}

void substep(const CarParameters& car, const Command& command, double h, double wheel_share, double hinge_share,
             Motion& m) {
  m.hinge_rad += hinge_share * (car.steering_gain * command.steering_rad - m.hinge_rad);
  m.tread_mps += wheel_share * (car.speed_gain * command.speed_mps - m.tread_mps);

  const SinCos hinge = sincos(m.hinge_rad);
  const double tx = m.tread_mps * hinge.cosine;
  const double ty = m.tread_mps * hinge.sine;
  const double grip = 0.25 * car.grip_mps2;
  const double softness = car.slip_mps * car.slip_mps;
  Friction f;
  f.add(m, grip, softness, car.front_axle_m, car.front_half_track_m, tx, ty);
  f.add(m, grip, softness, car.front_axle_m, -car.front_half_track_m, tx, ty);
  f.add(m, grip, softness, -car.rear_axle_m, car.rear_half_track_m, m.tread_mps, 0.0);
  f.add(m, grip, softness, -car.rear_axle_m, -car.rear_half_track_m, m.tread_mps, 0.0);
  slide(car, f, h, m);

  // The velocity keeps its direction in the track's frame while the car turns under it; the place moves along
  // the direction of the middle of the substep.
  const double turned = m.yaw_rate * h;
  const SinCos middle = sincos(m.yaw + 0.5 * turned);
  m.x += h * (m.forward_mps * middle.cosine - m.sideways_mps * middle.sine);
  m.y += h * (m.forward_mps * middle.sine + m.sideways_mps * middle.cosine);
  const SinCos under = sincos(turned);
  const double forward = m.forward_mps * under.cosine + m.sideways_mps * under.sine;
  m.sideways_mps = m.sideways_mps * under.cosine - m.forward_mps * under.sine;
  m.forward_mps = forward;
  m.yaw += turned;
}

double kept_unit(double share) { return share < 0.0 ? 0.0 : (share > 1.0 ? 1.0 : share); }

Command mixed(const Command& newer, const Command& older, double share) {
  return {newer.steering_rad + share * (older.steering_rad - newer.steering_rad),
          newer.speed_mps + share * (older.speed_mps - newer.speed_mps)};
}

// The command that holds in a substep, `waiting` substeps before the newest arrives: one that arrives inside the
// substep counts from its share on. A step has `step` substeps.
Command in_force(const Command& newest, const std::array<Command, 2>& before, double waiting, double step) {
  if (waiting <= 0.0) return newest;
  return mixed(mixed(newest, before[0], kept_unit(waiting)), before[1], kept_unit(waiting - step));
}

}  // namespace

CarParameters checked(const std::array<double, kCarParameters>& values) {
  for (const double value : values) {
    if (!(value >= 0.0 && value < 1e6)) throw std::invalid_argument("a car parameter is negative or no number");
  }
  CarParameters car;
  std::memcpy(&car, values.data(), sizeof car);
  if (!(car.slip_mps > 0.0 && car.gyration_m > 0.0)) {
    throw std::invalid_argument("slip_mps and gyration_m must be more than zero");
  }
  if (car.command_delay_s > 2.0 * kStep_s) throw std::invalid_argument("command_delay_s must be at most two steps");
  return car;
}

void drive(const CarParameters& car, const Command& command, Motion& motion, double step_s) {
  const double h = step_s / kSubsteps;
  const double wheel_share = h / (h + car.wheel_lag_s);
  const double hinge_share = h / (h + car.steering_lag_s);
  for (int i = 0; i < kSubsteps; ++i) {
    const Command now = in_force(command, motion.before, (car.command_delay_s - i * h) / h, step_s / h);
    substep(car, now, h, wheel_share, hinge_share, motion);
  }
  motion.yaw = wrap_angle(motion.yaw);
  motion.before = {command, motion.before[0]};
}

}  // namespace paddock
