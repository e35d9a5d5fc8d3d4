// Many cars on one track, each alone on it or all together. Rows of the public arrays belong to cars.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "camera.hpp"
#include "car_spread.hpp"
#include "dynamics.hpp"
#include "episode.hpp"
#include "features.hpp"
#include "lidar.hpp"
#include "maths.hpp"
#include "objects.hpp"
#include "solids.hpp"
#include "threads.hpp"
#include "track.hpp"
#include "walls.hpp"

namespace paddock {

inline constexpr std::size_t kRewardStates = 19;  // columns, in the order of sim/reward_state.py

struct WorldSettings {
  std::size_t cars = 1;
  std::uint64_t seed = 0;
  Rules rules;
  CarParameters car;
  std::optional<LidarRules> lidar;
  SectorRules sectors;        // of the LIDAR
  std::optional<ObjectRules> objects;
  std::optional<CameraRules> camera;
  CarSpread spread;
  bool is_reversed = false;   // only told to the reward function
  std::size_t threads = 1;
};

class World {
 public:
  World(std::shared_ptr<const Track> track, const WorldSettings& settings);

  // Begins a new episode for the cars whose mask is set (all without a mask), at their own start or at the
  // fractions of the lap given. Writes their `prepare` rows. With seeds their streams and counts of episodes begin
  // anew too: `alone` each as in a world where it is the only car, else as the car of this number.
  void reset(const bool* mask, const double* starts, const std::uint64_t* seeds = nullptr, bool alone = false);
  // actions: (cars, 2) steering in degrees and speed in m/s.
  void step(const double* actions);
  // Puts cars anywhere, standing still, in the middle of their episode: (cars, 3) x, y, yaw of the base.
  void place(const double* poses);

  std::size_t cars() const { return cars_.size(); }
  const Track& track() const { return *track_; }
  const std::optional<CameraRules>& camera_rules() const { return settings_.camera; }
  // What car i can see and run into in its present row; empty where it is alone.
  std::span<const Solid> solids(std::size_t i) const {
    return objects_ == nullptr ? std::span<const Solid>{} : objects_->solids(i);
  }
  std::size_t reward_columns() const { return reward_columns_; }
  std::size_t sector_columns() const { return settings_.sectors.width(); }

  std::vector<float> features, lidar, sectors;
  std::vector<std::uint8_t> camera;  // (cars, height, width, eyes)
  std::vector<double> reward_states, pose;
  std::vector<std::uint8_t> status, done, clipped;
  std::vector<std::int32_t> lap, lap_steps, lap_resets, box_resets, clipped_steps;

 private:
  struct Name {  // whose random numbers and turn in the round robin a car has
    std::uint64_t seed, number;
  };
  struct Row {  // what one row says, before it is written
    TrackState at;
    SinCos yaw;
    Point front;
    double progress;
    int wheels_on;
  };
  void begin(std::size_t i, const double* start);
  void write_prepare(std::size_t i, const Row& row);
  bool accept(std::size_t i, double steering_deg, double speed_mps);
  void after(std::size_t i, const Row& row);
  void drive_some(const double* actions, std::size_t from, std::size_t to);
  void after_some(std::size_t from, std::size_t to);
  void meet();
  void fail(std::size_t i, const Row& row);
  Row look(const Car& car) const;
  void look(const Car* const* cars, std::size_t count, Row* rows) const;
  int wheels_on(const Motion& m, SinCos yaw) const;
  Status judge(Car& car, const Row& row, bool running, Touch touch, std::size_t i);
  void pause(Car& car, const Row& row, Status why, Touch touch, std::size_t i);
  Pose again(Car& car, const Row& row, Status why, std::size_t i);
  void write(std::size_t i, const Row& row, Status now, bool crashed);
  double own_start(std::size_t i, Car& car) const;

  std::shared_ptr<const Track> track_;
  WorldSettings settings_;
  bool compact_;  // the wheels are near the base
  std::optional<Walls> walls_;
  std::optional<Cameras> cameras_;
  Barriers barriers_;
  std::vector<CarParameters> own_parameters_;  // of each car, where chance makes them differ
  std::vector<Car> cars_;
  std::vector<Name> names_;
  std::unique_ptr<Objects> objects_;  // none where every car is alone on an empty track
  std::size_t reward_columns_ = kRewardStates;
  std::uint64_t shared_episodes_ = 0;
  Crew crew_;
  std::mutex busy_;  // two Python threads may hold the same world while neither holds the interpreter's lock
};

}  // namespace paddock
