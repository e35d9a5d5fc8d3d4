// The cameras of a world's cars: what each sees, with chance of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "picture.hpp"
#include "random.hpp"
#include "scene.hpp"
#include "solids.hpp"
#include "track.hpp"
#include "view.hpp"

namespace paddock {

// How far things may be from what they are said to be; each is drawn evenly from -value to +value for every episode.
// Zero leaves it as it is. The order is that of sim/randomisation.py.
struct CameraSpread {
  double light = 0.0;          // greys added
  double contrast = 0.0;       // share by which greys are farther from the middle
  double colour = 0.0;         // greys added to each colour of its own
  double noise = 0.0;          // greys; the standard deviation of every pixel, new in every picture; not drawn
  double forward_m = 0.0, side_m = 0.0, height_m = 0.0;
  double pitch_rad = 0.0, yaw_rad = 0.0, field_of_view_rad = 0.0;
  double late_steps = 0.0;     // how old the picture is, in steps; drawn from 0 to value, at most 2
};
inline constexpr std::size_t kSpreadNumbers = sizeof(CameraSpread) / sizeof(double);

struct CameraRules {
  PictureSize size;
  std::size_t eyes = 1;
  double apart_m = 0.06;       // of two eyes
  Mount mount;
  Marking marking;
  Palette palette{};
  CameraSpread spread;

  std::size_t bytes() const { return static_cast<std::size_t>(size.width) * size.height * eyes; }
};

// A number that is out of its range is refused: std::invalid_argument says which.
CameraRules checked(const CameraRules& rules);

class Cameras {
 public:
  Cameras(const Track& track, const CameraRules& rules, std::size_t cars);

  const CameraRules& rules() const { return rules_; }
  const Scene& scene() const { return scene_; }
  // A new episode of a car, from the stream of (seed, number, episode): draws what is random in it. The first picture
  // after it is of the moment.
  void begin(std::size_t i, std::uint64_t seed, std::uint64_t number, std::uint64_t episode);
  // Forgets where a car was, because it was put elsewhere.
  void forget(std::size_t i) { sights_[i].fresh = true; }
  // Writes the car's picture: height rows of width pixels of as many bytes as there are eyes, the left one first.
  void see(std::size_t i, const Pose& pose, std::span<const Solid> solids, std::uint8_t* out);

 private:
  using Views = std::array<std::optional<View>, 2>;
  struct Sight {
    Random random;
    Views own;               // where chance has changed something
    std::array<Pose, 3> was{};  // now, one step ago, two
    double late_steps = 0.0;
    bool fresh = true;
  };
  Views views_for(const Mount& mount, const Palette& palette) const;
  Pose seen_from(Sight& sight, const Pose& pose) const;
  void add_noise(Random& random, std::uint8_t* out) const;

  CameraRules rules_;
  Scene scene_;
  Views shared_;
  std::vector<Sight> sights_;
};

}  // namespace paddock
