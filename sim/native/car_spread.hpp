// How far one car may be from what its parameters say, drawn anew for every episode.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "dynamics.hpp"
#include "random.hpp"

namespace paddock {

struct CarSpread {  // the order is that of sim/randomisation.py
  double grip = 0.0;     // share by which both axles' grip is more or less
  double delay_s = 0.0;  // added to the command's delay, from 0 to this

  bool any() const { return grip > 0.0 || delay_s > 0.0; }
};

inline void check(const CarSpread& spread, const CarParameters& car) {
  if (!(spread.grip >= 0.0 && spread.grip <= 0.9)) throw std::invalid_argument("grip must vary by 0 to 0.9");
  if (!(spread.delay_s >= 0.0 && car.command_delay_s + spread.delay_s <= 2.0 * kStep_s + 1e-9)) {
    throw std::invalid_argument("a command's delay can be two steps at most, what chance adds included");
  }
}

inline CarParameters varied(CarParameters car, const CarSpread& spread, std::uint64_t seed, std::uint64_t number,
                            std::uint64_t episode) {
  constexpr std::uint64_t own_stream = 0x67726970ULL;  // "grip": apart from the stream of starts and LIDAR
  Random random(seed ^ own_stream, number, episode);
  const double share = 1.0 + spread.grip * (2.0 * random.uniform() - 1.0);
  car.front_grip_mps2 *= share;
  car.rear_grip_mps2 *= share;
  car.command_delay_s += spread.delay_s * random.uniform();
  return car;
}

}  // namespace paddock
