// The simulator's mathematics and one car, without Python: small enough to be compiled within a test. Prints numbers as
// the bits that they are, so that whoever compiles it otherwise finds the same ones.
//
//   small_part PARAMETER...    a car's numbers, in the order of CarParameters
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "dynamics.hpp"
#include "maths.hpp"

using namespace paddock;

namespace {

void say(double value) { std::printf("%016llx\n", static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value))); }

void say_maths() {
  for (int k = -2000; k < 2000; ++k) {
    const double x = 0.0271 * k;
    const auto turned = sincos(x);
    for (const double value : {turned.sine, turned.cosine, exponential(0.1 * x), arctan2(x, 1.7),
                               logarithm(std::abs(x) + 0.01), static_cast<double>(tanh_f(static_cast<float>(0.1 * x)))}) {
      say(value);
    }
  }
}

Command command(int k) { return {((37 * k) % 61 - 30) * kRadians, 0.1 + 3.9 * ((53 * k) % 101) / 101.0}; }

// One car by itself, and kLanes of them side by side.
void say_drives(const CarParameters& car) {
  Motion alone;
  std::array<Motion, kLanes> together;
  for (int k = 0; k < 400; ++k) {
    drive(car, command(k), alone);
    std::array<Command, kLanes> commands;
    std::array<Motion*, kLanes> motions;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      commands[lane] = command(k + static_cast<int>(lane));
      motions[lane] = &together[lane];
    }
    drive_lanes(car, commands, motions);
    for (const Motion& m : {alone, together[0], together[kLanes - 1]}) {
      for (const double value : {m.x, m.y, m.yaw, m.forward_mps, m.sideways_mps, m.yaw_rate}) say(value);
    }
  }
}

}  // namespace

int main(int count, char** given) {
  std::array<double, kCarParameters> numbers{};
  if (count != static_cast<int>(kCarParameters) + 1) return 2;
  std::transform(given + 1, given + count, numbers.begin(), [](const char* text) { return std::strtod(text, nullptr); });
  say_maths();
  say_drives(checked(numbers));
}
