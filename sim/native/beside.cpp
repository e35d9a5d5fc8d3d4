#include "beside.hpp"

#include <array>
#include <cmath>
#include <numeric>

namespace paddock {
namespace {

constexpr double kStretch_m = 0.02;
constexpr double kMostStretches = 50000.0;
constexpr int kLevels = 7;                             // of halves of the outermost
constexpr std::size_t kLongest = 1u << (kLevels - 1);  // stretches in it

}  // namespace

struct Beside::Filling {
  Beside& beside;
  const Polyline& centre;
  const Polyline& border;
  double stretch_m;
  std::array<std::vector<std::int32_t>, kLevels> found{};

  void fill(int level, std::size_t first, const std::vector<std::int32_t>& among) {
    if (first >= beside.stretches_.size()) return;
    const std::size_t count = kLongest >> level;
    const double half_m = 0.5 * static_cast<double>(count) * stretch_m;
    const Point middle = centre.at(static_cast<double>(first) * stretch_m + half_m);
    // A hair more, for a projection lies beside the line by rounding.
    narrow(border, among, middle, half_m + 1e-9 * centre.length_m(), found[level]);
    if (count == 1) {
      beside.stretches_[first] = beside.lists_.add(found[level]);
    } else {
      fill(level + 1, first, found[level]);
      fill(level + 1, first + count / 2, found[level]);
    }
  }
};

Beside::Beside(const Polyline& centre, const Polyline& border) : lists_(border) {
  const double stretch_m = std::max(kStretch_m, centre.length_m() / kMostStretches);
  per_stretch_ = 1.0 / stretch_m;
  stretches_.resize(static_cast<std::size_t>(centre.length_m() * per_stretch_) + 1);
  std::vector<std::int32_t> all(border.segments());
  std::iota(all.begin(), all.end(), 0);
  Filling filling{*this, centre, border, stretch_m};
  for (std::size_t first = 0; first < stretches_.size(); first += kLongest) filling.fill(0, first, all);
}

}  // namespace paddock
