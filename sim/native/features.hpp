// What a car sees of the track as a vector of numbers that does not depend on where the track lies.
#pragma once

#include <array>
#include <cstddef>

#include "episode.hpp"
#include "maths.hpp"
#include "track.hpp"

namespace paddock {

inline constexpr std::array<double, 7> kLook_m{0.3, 0.6, 1.0, 1.5, 2.2, 3.0, 4.0};
inline constexpr std::size_t kFeatures = 11 + 2 * kLook_m.size() + 2;  // sim/world.py's FEATURES names the columns

// Writes kFeatures numbers about a car whose front point is projected at along_m.
void write_features(const Track& track, const Car& car, SinCos yaw, Point front, double along_m, float* out);

}  // namespace paddock
