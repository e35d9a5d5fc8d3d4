#include "dynamics.hpp"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "four.hpp"
#include "maths.hpp"
#include "processor.hpp"

namespace paddock {
namespace {

constexpr double kMaximumCommand_rad = 30.0 * kRadians;
constexpr std::ptrdiff_t kPull = offsetof(CarParameters, steering_pull_rad) / sizeof(double);

// The state within a step of one car (T is double) or of eight side by side (T is Eight).
template <typename T>
struct Lane {
  T x, y, yaw, sine, cosine;
  T forward, sideways, turning, hinge, tread;
};

struct Shares {  // of a substep
  double h, wheel, hinge, front_grip, rear_grip, soft, rear_soft_across, inertia;
};

// Softly limited friction of one wheel in one direction, divided by the speed of sliding.
template <typename T>
PADDOCK_INLINE T strength(double grip, T sliding, double softness) {
  return grip / square_root(sliding * sliding + softness);
}

// Sums over the wheels. Friction is stiff at small sliding, so the velocities are stepped implicitly with the
// strengths held for the substep: (M + h A) v' = M v + h b, where A is symmetric.
template <typename T>
struct Friction {
  T xx = 0.0, xy = 0.0, xr = 0.0, yy = 0.0, yr = 0.0, rr = 0.0;  // A: forward, sideways, turning
  T bx = 0.0, by = 0.0, br = 0.0;

  // Adds a front wheel at (px, py) pointing along (c, s), whose tread runs at `tread` under it.
  PADDOCK_INLINE void add_front(const Lane<T>& m, const Shares& sh, double px, double py, T c, T s, T tread) {
    const T along = s * px - c * py;   // what turning adds to rolling ...
    const T across = c * px + s * py;  // ... and to sliding sideways
    const T rolling = c * m.forward + s * m.sideways + along * m.turning - tread;
    const T sliding = c * m.sideways - s * m.forward + across * m.turning;
    const T k = strength(sh.front_grip, rolling, sh.soft);
    const T q = strength(sh.front_grip, sliding, sh.soft);
    xx += k * c * c + q * s * s;
    xy += (k - q) * c * s;
    xr += k * c * along - q * s * across;
    yy += k * s * s + q * c * c;
    yr += k * s * along + q * c * across;
    rr += k * along * along + q * across * across;
    bx += k * tread * c;
    by += k * tread * s;
    br += k * tread * along;
  }

  // Adds a rear wheel, which points ahead: half of it with a tread that is faster by `swing`, half slower.
  PADDOCK_INLINE void add_rear(const Lane<T>& m, const Shares& sh, double px, double py, T tread, double swing) {
    const T rolling = m.forward - py * m.turning - tread;
    const T sliding = m.sideways + px * m.turning;
    const T faster = strength(0.5 * sh.rear_grip, rolling - swing, sh.soft);
    const T slower = strength(0.5 * sh.rear_grip, rolling + swing, sh.soft);
    const T k = faster + slower;
    const T q = strength(sh.rear_grip, sliding, sh.rear_soft_across);
    const T push = k * tread + (faster - slower) * swing;
    xx += k;
    xr -= k * py;
    yy += q;
    yr += q * px;
    rr += k * py * py + q * px * px;
    bx += push;
    br -= push * py;
  }
};

template <typename T>
PADDOCK_INLINE void slide(const Friction<T>& f, double h, double inertia, Lane<T>& m) {
  const T xx = 1.0 + h * f.xx;
  const T per_xx = 1.0 / xx;
  const T xy = h * f.xy * per_xx;
  const T xr = h * f.xr * per_xx;
  const T yy = 1.0 + h * f.yy - h * f.xy * xy;
  const T per_yy = 1.0 / yy;
  const T yr_left = h * f.yr - h * f.xy * xr;
  const T yr = yr_left * per_yy;
  const T rr = inertia + h * f.rr - h * f.xr * xr - yr_left * yr;
  const T rx = m.forward + h * f.bx;
  const T ry = m.sideways + h * f.by - xy * rx;
  const T rw = inertia * m.turning + h * f.br - xr * rx - yr * ry;
  m.turning = rw / rr;
  m.sideways = ry * per_yy - yr * m.turning;
  m.forward = rx * per_xx - xy * m.sideways - xr * m.turning;
}

// The velocity keeps its direction in the track's frame while the car turns under it; the place moves along the
// direction of the middle of the substep.
template <typename T>
PADDOCK_INLINE void travel(double h, Lane<T>& m) {
  const SinCosOf<T> half = sincos_reduced(0.5 * m.turning * h);
  const T middle_sine = m.sine * half.cosine + m.cosine * half.sine;
  const T middle_cosine = m.cosine * half.cosine - m.sine * half.sine;
  m.x += h * (m.forward * middle_cosine - m.sideways * middle_sine);
  m.y += h * (m.forward * middle_sine + m.sideways * middle_cosine);
  m.sine = middle_sine * half.cosine + middle_cosine * half.sine;
  m.cosine = middle_cosine * half.cosine - middle_sine * half.sine;
  const T under_sine = 2.0 * half.sine * half.cosine;
  const T under_cosine = 1.0 - 2.0 * half.sine * half.sine;
  const T forward = m.forward * under_cosine + m.sideways * under_sine;
  m.sideways = m.sideways * under_cosine - m.forward * under_sine;
  m.forward = forward;
  m.yaw += m.turning * h;
}

template <typename T>
PADDOCK_INLINE void substep(const CarParameters& car, const Shares& s, T steering, T speed, Lane<T>& m) {
  m.hinge += s.hinge * (car.steering_gain * steering + car.steering_pull_rad - m.hinge);
  m.tread += s.wheel * (car.speed_gain * speed - m.tread);
  const SinCosOf<T> hinge = sincos_reduced(m.hinge);
  Friction<T> f;
  f.add_front(m, s, car.front_axle_m, car.front_half_track_m, hinge.cosine, hinge.sine, m.tread);
  f.add_front(m, s, car.front_axle_m, -car.front_half_track_m, hinge.cosine, hinge.sine, m.tread);
  f.add_rear(m, s, -car.rear_axle_m, car.rear_half_track_m, m.tread, car.hunting_mps);
  f.add_rear(m, s, -car.rear_axle_m, -car.rear_half_track_m, m.tread, car.hunting_mps);
  slide(f, s.h, s.inertia, m);
  travel(s.h, m);
}

double kept_unit(double share) { return share < 0.0 ? 0.0 : (share > 1.0 ? 1.0 : share); }

template <std::size_t N>
struct Lanes {
  double x[N], y[N], yaw[N], sine[N], cosine[N], forward[N], sideways[N], turning[N], hinge[N], tread[N];
  double steering[3][N], speed[3][N];  // the newest command and the two before

  void load(std::size_t k, const Command& command, const Motion& m) {
    x[k] = m.x, y[k] = m.y, yaw[k] = m.yaw;
    forward[k] = m.forward_mps, sideways[k] = m.sideways_mps, turning[k] = m.yaw_rate;
    hinge[k] = m.hinge_rad, tread[k] = m.tread_mps;
    steering[0][k] = command.steering_rad, speed[0][k] = command.speed_mps;
    for (std::size_t i = 0; i < 2; ++i) {
      steering[i + 1][k] = m.before[i].steering_rad;
      speed[i + 1][k] = m.before[i].speed_mps;
    }
  }

  void store(std::size_t k, const Command& command, Motion& m) const {
    m.x = x[k], m.y = y[k], m.yaw = yaw[k];
    m.forward_mps = forward[k], m.sideways_mps = sideways[k], m.yaw_rate = turning[k];
    m.hinge_rad = hinge[k], m.tread_mps = tread[k];
    m.before = {command, m.before[0]};
  }
};

// In substep i the newest command waits for late - i substeps; one that arrives inside the substep counts from its
// share on. The one before it waits a whole step less.
template <std::size_t N>
PADDOCK_INLINE void drive_all(const CarParameters& car, double step_s, Lanes<N>& l) {
  const double h = step_s / kSubsteps;
  const Shares s{h,
                 h / (h + car.wheel_lag_s),
                 h / (h + car.steering_lag_s),
                 0.25 * car.front_grip_mps2,
                 0.25 * car.rear_grip_mps2,
                 car.slip_mps * car.slip_mps,
                 car.rear_slip_across_mps * car.rear_slip_across_mps,
                 car.gyration_m * car.gyration_m};
  for (std::size_t k = 0; k < N; ++k) {
    const SinCos direction = sincos(l.yaw[k]);
    l.sine[k] = direction.sine, l.cosine[k] = direction.cosine;
  }
  using T = std::conditional_t<N == 1, double, Eight>;
  const auto get = [](const double (&v)[N]) {
    if constexpr (N == 1) return v[0];
    else return Eight(v);
  };
  Lane<T> m{get(l.x),       get(l.y),        get(l.yaw),     get(l.sine),  get(l.cosine),
            get(l.forward), get(l.sideways), get(l.turning), get(l.hinge), get(l.tread)};
  for (int i = 0; i < kSubsteps; ++i) {
    const double late = car.command_delay_s / h - i;
    const double first = kept_unit(late);
    const double second = kept_unit(late - kSubsteps);
    const T newer = get(l.steering[0]) + first * (get(l.steering[1]) - get(l.steering[0]));
    const T newer_speed = get(l.speed[0]) + first * (get(l.speed[1]) - get(l.speed[0]));
    const T steering = newer + second * (get(l.steering[2]) - newer);
    const T speed = newer_speed + second * (get(l.speed[2]) - newer_speed);
    substep(car, s, steering, speed, m);
  }
  const auto put = [](double (&v)[N], const T& value) {
    if constexpr (N == 1) v[0] = value;
    else value.store(v);
  };
  put(l.x, m.x), put(l.y, m.y), put(l.yaw, m.yaw);
  put(l.forward, m.forward), put(l.sideways, m.sideways), put(l.turning, m.turning);
  put(l.hinge, m.hinge), put(l.tread, m.tread);
  for (std::size_t k = 0; k < N; ++k) l.yaw[k] = wrap_angle(l.yaw[k]);
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void drive_side_by_side_avx2(const CarParameters& car, Lanes<kLanes>& lanes) {
  drive_all(car, kStep_s, lanes);
}
#endif

void drive_side_by_side(const CarParameters& car, Lanes<kLanes>& lanes) {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return drive_side_by_side_avx2(car, lanes);
#endif
  drive_all(car, kStep_s, lanes);
}

}  // namespace

CarParameters checked(const std::array<double, kCarParameters>& values) {
  CarParameters car;
  std::memcpy(&car, values.data(), sizeof car);
  for (const double value : values) {
    if (&value - values.data() == kPull) continue;
    if (!(value >= 0.0 && value < 1e3)) throw std::invalid_argument("a car parameter is negative, huge or no number");
  }
  if (!(car.slip_mps >= 1e-6 && car.rear_slip_across_mps >= 1e-6 && car.gyration_m >= 1e-6)) {
    throw std::invalid_argument("slip_mps, rear_slip_across_mps and gyration_m must be more than a millionth");
  }
  if (!(car.steering_gain * kMaximumCommand_rad + std::abs(car.steering_pull_rad) <= kMaximumHinge_rad)) {
    throw std::invalid_argument("steering_gain and steering_pull_rad must turn the hinge by at most 0.78 rad");
  }
  if (car.command_delay_s > 2.0 * kStep_s) throw std::invalid_argument("command_delay_s must be at most two steps");
  return car;
}

void drive(const CarParameters& car, const Command& command, Motion& motion, double step_s) {
  Lanes<1> lane;
  lane.load(0, command, motion);
  drive_all(car, step_s, lane);
  lane.store(0, command, motion);
}

void drive_lanes(const CarParameters& car, const std::array<Command, kLanes>& commands,
                 const std::array<Motion*, kLanes>& motions) {
  Lanes<kLanes> lanes;
  for (std::size_t k = 0; k < kLanes; ++k) lanes.load(k, commands[k], *motions[k]);
  drive_side_by_side(car, lanes);
  for (std::size_t k = 0; k < kLanes; ++k) lanes.store(k, commands[k], *motions[k]);
}

}  // namespace paddock
