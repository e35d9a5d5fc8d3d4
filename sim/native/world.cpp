#include "world.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "maths.hpp"
#include "processor.hpp"

namespace paddock {
namespace {

constexpr double kMaximumSteering_deg = 30.0;
constexpr double kMinimumSpeed_mps = 0.1;
constexpr double kMaximumSpeed_mps = 4.0;

void stand(Motion& m, const Pose& pose) {
  m = Motion{};
  m.x = pose.x;
  m.y = pose.y;
  m.yaw = pose.yaw;
}

double squared_between(double x, double y, Point p) { return (p.x - x) * (p.x - x) + (p.y - y) * (p.y - y); }

// Whether the numbers are those of a car near a track. Odd parameters of a car can blow them up, or make them none at
// all; such a car stands at its start again, and its episode ends with an error.
bool is_sound(const Motion& m) {
  constexpr double far_m = 1e5, fast = 1e4;
  return std::abs(m.x) < far_m && std::abs(m.y) < far_m && std::abs(m.yaw) < 4.0 && std::abs(m.forward_mps) < fast &&
         std::abs(m.sideways_mps) < fast && std::abs(m.yaw_rate) < fast && std::abs(m.tread_mps) < fast;
}

// Where cars look and where their front points are.
struct Bearings {
  double x[kLanes] = {}, y[kLanes] = {}, yaw[kLanes] = {};
  double sine[kLanes], cosine[kLanes], front_x[kLanes], front_y[kLanes];
};

PADDOCK_INLINE void take_all(Bearings& b) {
  for (std::size_t k = 0; k < kLanes; ++k) {
    const SinCos direction = sincos(b.yaw[k]);
    b.sine[k] = direction.sine;
    b.cosine[k] = direction.cosine;
    b.front_x[k] = b.x[k] + kFront_m * direction.cosine;
    b.front_y[k] = b.y[k] + kFront_m * direction.sine;
  }
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void take_avx2(Bearings& b) { take_all(b); }
#endif

void take(Bearings& b) {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return take_avx2(b);
#endif
  take_all(b);
}

// Whether every wheel is so near the base that Track::around speaks for it.
bool is_compact(const CarParameters& car) {
  const double front = car.front_axle_m * car.front_axle_m + car.front_half_track_m * car.front_half_track_m;
  const double rear = car.rear_axle_m * car.rear_axle_m + car.rear_half_track_m * car.rear_half_track_m;
  return std::max(front, rear) < Track::kClear_m * Track::kClear_m;
}

}  // namespace

World::World(std::shared_ptr<const Track> track, const WorldSettings& settings)
    : track_(std::move(track)),
      settings_(settings),
      compact_(is_compact(settings.car)),
      cars_(settings.cars),
      crew_(settings.threads) {
  const std::size_t n = settings.cars;
  if (settings.lidar) {
    walls_.emplace(*track_, reach_m(*settings.lidar));
    lidar.assign(n * kBeams, 0.0f);
    sectors.assign(n * settings.sectors.width(), 0.0f);
  }
  if (settings.objects) {
    objects_ = std::make_unique<Objects>(*track_, *settings.objects, n);
    if (objects_->per_car() > 0) reward_columns_ += kObjectsColumns + objects_->per_car() * kObjectColumns;
  }
  if (settings.camera) {
    cameras_.emplace(*track_, *settings.camera, n);
    barriers_ = Barriers(cameras_->scene());
    camera.assign(n * settings.camera->bytes(), 0);
  }
  check(settings.spread, settings.car);
  if (settings.spread.any()) own_parameters_.assign(n, settings.car);
  features.assign(n * kFeatures, 0.0f);
  reward_states.assign(n * reward_columns_, 0.0);
  pose.assign(n * 3, 0.0);
  status.assign(n, 0);
  done.assign(n, 0);
  lap.assign(n, 0);
  lap_steps.assign(n, 0);
  lap_resets.assign(n, 0);
  box_resets.assign(n, 0);
  clipped.assign(n, 0);
  clipped_steps.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) names_.push_back({settings.seed, i});
  reset(nullptr, nullptr);
}

// Round robin: car i starts its first episode i * 5 % into the lap and each later one 5 % further on. An open
// track has its start line at one end, so there every episode begins at the fixed start.
double World::own_start(std::size_t i, Car& car) const {
  const Rules& rules = settings_.rules;
  double fraction = rules.start_offset;
  if (track_->closed()) {
    if (rules.start == Start::advance) {
      fraction += kAdvance * static_cast<double>((names_[i].number + static_cast<std::uint64_t>(car.episode)) % 20);
    } else if (rules.start == Start::random) {
      fraction += car.random.uniform();
    }
    if (fraction >= 1.0) fraction -= 1.0;
  }
  return fraction;
}

void World::begin(std::size_t i, const double* start) {
  Car& car = cars_[i];
  const std::int64_t episode = car.episode + 1;
  car = Car{};
  car.episode = episode;
  car.random = Random(names_[i].seed, names_[i].number, static_cast<std::uint64_t>(episode));
  car.start_fraction = own_start(i, car);
  if (start != nullptr) car.start_fraction = start[i];
  if (objects_ == nullptr) {
    stand(car.motion, track_->start_pose(car.start_fraction));
  } else {
    const bool grid = objects_->shared() && start == nullptr && settings_.rules.start == Start::fixed;
    if (!objects_->shared()) objects_->place(i, names_[i].seed, names_[i].number, static_cast<std::uint64_t>(episode));
    stand(car.motion, grid ? objects_->grid_pose(i, car.start_fraction)
                           : objects_->start_pose(i, car.start_fraction));
  }
  const auto number = static_cast<std::uint64_t>(episode);
  if (cameras_) cameras_->begin(i, names_[i].seed, names_[i].number, number);
  if (!own_parameters_.empty()) {
    own_parameters_[i] = varied(settings_.car, settings_.spread, names_[i].seed, names_[i].number, number);
  }
  car.steps = 1;
  lap[i] = 0;
  lap_steps[i] = 0;
  lap_resets[i] = 0;
  box_resets[i] = 0;
  clipped[i] = 0;
  clipped_steps[i] = 0;
  done[i] = 0;
}

void World::write_prepare(std::size_t i, const Row& row) {
  Car& car = cars_[i];
  car.previous_progress = row.progress;
  car.fraction = row.at.fraction;
  car.base_x = car.motion.x;
  car.base_y = car.motion.y;
  write(i, row, Status::prepare, false);
}

World::Row World::look(const Car& car) const {
  Row row;
  const Car* one = &car;
  look(&one, 1, &row);
  return row;
}

// Rows of up to kLanes cars side by side, each to the bit as that of one alone.
void World::look(const Car* const* cars, std::size_t count, Row* rows) const {
  Bearings b;
  for (std::size_t k = 0; k < count; ++k) {
    const Motion& m = cars[k]->motion;
    b.x[k] = m.x, b.y[k] = m.y, b.yaw[k] = m.yaw;
  }
  take(b);
  Point fronts[kLanes];
  for (std::size_t k = 0; k < count; ++k) fronts[k] = {b.front_x[k], b.front_y[k]};
  TrackState states[kLanes];
  track_->locate(fronts, count, states);
  for (std::size_t k = 0; k < count; ++k) {
    Row& row = rows[k];
    row.yaw = {b.sine[k], b.cosine[k]};
    row.front = fronts[k];
    row.at = states[k];
    row.progress = progress_after(row.at.fraction - cars[k]->start_fraction, cars[k]->previous_progress);
    row.wheels_on = wheels_on(cars[k]->motion, row.yaw);
  }
}

int World::wheels_on(const Motion& m, SinCos yaw) const {
  if (compact_) {
    const Track::Around around = track_->around({m.x, m.y});
    if (around != Track::Around::unsure) return around == Track::Around::on ? 4 : 0;
  }
  const CarParameters& shape = settings_.car;
  int found = 0;
  for (int wheel = 0; wheel < 4; ++wheel) {
    const bool ahead = wheel < 2;
    const double px = ahead ? shape.front_axle_m : -shape.rear_axle_m;
    const double half = ahead ? shape.front_half_track_m : shape.rear_half_track_m;
    const double py = wheel % 2 == 0 ? half : -half;
    found += track_->on_track({m.x + px * yaw.cosine - py * yaw.sine, m.y + px * yaw.sine + py * yaw.cosine});
  }
  return found;
}

void World::write(std::size_t i, const Row& row, Status now, bool crashed) {
  Car& car = cars_[i];
  const Motion& m = car.motion;
  status[i] = static_cast<std::uint8_t>(now);
  pose[3 * i] = m.x;
  pose[3 * i + 1] = m.y;
  pose[3 * i + 2] = m.yaw;
  double* out = &reward_states[i * reward_columns_];
  *out++ = row.wheels_on == 4;
  *out++ = row.front.x;
  *out++ = row.front.y;
  *out++ = row.at.previous;
  *out++ = row.at.next;
  *out++ = row.at.distance_m;
  *out++ = crashed;
  *out++ = row.at.left_of_centre;
  *out++ = row.wheels_on == 0;
  *out++ = settings_.is_reversed;
  *out++ = m.yaw * kDegrees;
  *out++ = row.progress;
  *out++ = car.command.speed_mps;
  *out++ = car.command.steering_rad * kDegrees;
  *out++ = car.steps;
  *out++ = track_->length_m();
  *out++ = row.at.width_m;
  *out++ = row.at.fraction * track_->length_m();
  *out++ = car.steps * kStep_s;
  if (objects_ != nullptr) objects_->write(i, m, row.yaw, row.at.centre.along_m, out);
  write_features(*track_, car, row.yaw, row.front, row.at.centre.along_m, &features[i * kFeatures]);
  if (walls_) write_lidar(*walls_, barriers_, solids(i), *settings_.lidar, row.yaw, car, &lidar[i * kBeams]);
  if (!sectors.empty()) write_sectors(&lidar[i * kBeams], settings_.sectors, &sectors[i * sector_columns()]);
  if (cameras_) cameras_->see(i, {m.x, m.y, m.yaw}, solids(i), &camera[i * settings_.camera->bytes()]);
}

// Which of the rules of SimApp's reset/rules hold, and the first of them in the order of its EpisodeStatus.
// Where a car touches something that is behind it nothing else is asked, as there.
Status World::judge(Car& car, const Row& row, bool running, Touch touch, std::size_t i) {
  const Rules& rules = settings_.rules;
  if (row.progress >= 100.0) {
    lap[i] += 1;
    lap_steps[i] = car.steps - car.lap_from;
    lap_resets[i] = car.resets - car.lap_from_resets;
    car.lap_from = car.steps;
    car.lap_from_resets = car.resets;
    car.standing = car.falling = 0;
    if (!rules.continuous || lap[i] >= rules.laps) {
      done[i] = 1;
      return Status::lap_complete;
    }
  }
  const bool late = car.steps >= rules.maximum_steps;
  if (late) done[i] = 1;
  if (!running) return late ? Status::time_up : Status::pause;
  Status found = Status::in_progress;
  if (touch.counts()) {
    found = Status::crashed;
  } else if (touch.kind == Touch::Kind::ahead) {
    found = late ? Status::time_up : Status::in_progress;
  } else if (row.wheels_on == 0) {
    found = Status::off_track;
  } else if (car.standing >= kPatience) {
    found = Status::immobilized;
  } else if (car.falling >= kPatience) {
    found = late ? Status::time_up : Status::reversed;
  } else if (late) {
    found = Status::time_up;
  }
  if (found != Status::in_progress && !late) {
    if (car.resets >= rules.maximum_resets) done[i] = 1;
  }
  return found;
}

// Crashed, off the track, standing or reversed, with resets left: back to the lane, and rows of `pause`. After a crash
// into a car or a bot it stays where it is, and the other drives on.
void World::pause(Car& car, const Row& row, Status why, Touch touch, std::size_t i) {
  const Rules& rules = settings_.rules;
  car.resets += 1;
  car.pausing = why == Status::crashed ? rules.crash_steps : why == Status::immobilized ? 1 : rules.pause_steps;
  car.off_limits = car.pausing > 1;
  car.standing = car.falling = 0;
  const bool stays = why == Status::crashed && touch.kind != Touch::Kind::box;
  stand(car.motion, stays ? Pose{car.motion.x, car.motion.y, car.motion.yaw} : again(car, row, why, i));
}

// On the nearer lane centre at the row's own progress, as in all real console races measured, or by the rules at that
// of the row before, as in later SimApps; a crash always at its own. Where a box is within a metre of the place: a
// metre before it (beyond it when mercy is due), in the other lane.
Pose World::again(Car& car, const Row& row, Status why, std::size_t i) {
  const Rules& rules = settings_.rules;
  const bool before = rules.reset_at_previous && why != Status::crashed;
  const double fraction = before ? car.fraction : row.at.fraction;
  const Point near = before ? Point{car.base_x, car.base_y} : Point{car.motion.x, car.motion.y};
  const std::int32_t box = objects_ == nullptr ? -1 : objects_->box_near(i, fraction);
  if (box < 0) return track_->reset_pose(fraction, near);
  car.box_resets = box == car.box ? car.box_resets + 1 : 1;
  car.box = box;
  const bool beyond = rules.mercy_after > 0 && car.box_resets >= rules.mercy_after;
  if (beyond) car.box_resets = 0;
  return objects_->pose_beside(i, box, beyond);
}

void World::fail(std::size_t i, const Row& row) {
  cars_[i].steps += 1;
  lap_steps[i] = lap_resets[i] = 0;
  done[i] = 1;
  write(i, row, Status::error, false);
}

// What the action does before the row is looked at: begin anew, stay parked, fail, or take the command. True where the
// car is to be driven.
bool World::accept(std::size_t i, double steering_deg, double speed_mps) {
  Car& car = cars_[i];
  car.doing = Doing::nothing;
  clipped[i] = 0;
  if (done[i]) {
    if (settings_.rules.auto_reset) {
      car.doing = Doing::beginning;
    } else {
      status[i] = static_cast<std::uint8_t>(Status::park);
      lap_steps[i] = lap_resets[i] = 0;
    }
    return false;
  }
  if (std::isnan(steering_deg) || std::isnan(speed_mps)) {
    car.doing = Doing::failing;
    return false;
  }
  const double steering = std::clamp(steering_deg, -kMaximumSteering_deg, kMaximumSteering_deg);
  const double speed = std::clamp(speed_mps, kMinimumSpeed_mps, kMaximumSpeed_mps);
  clipped[i] = steering != steering_deg || speed != speed_mps;
  clipped_steps[i] += clipped[i];
  car.command.steering_rad = steering * kRadians;
  car.command.speed_mps = speed;
  car.doing = car.pausing == 0 ? Doing::running : Doing::pausing;
  if (car.doing == Doing::running) car.off_limits = false;
  return car.doing == Doing::running;
}

void World::after(std::size_t i, const Row& row) {
  Car& car = cars_[i];
  const bool running = car.doing == Doing::running;
  if (!running) car.pausing -= 1;
  if (objects_ != nullptr && !objects_->shared()) objects_->drive(i);
  car.steps += 1;
  lap_steps[i] = lap_resets[i] = 0;
  if (running) {
    const double moved = std::min(squared_between(car.front_x[0], car.front_y[0], row.front),
                                  squared_between(car.front_x[1], car.front_y[1], row.front));
    car.standing = moved <= kMoved_m * kMoved_m ? car.standing + 1 : 0;
    car.falling = row.progress < car.previous_progress ? car.falling + 1 : 0;
  }
  const Touch touch = objects_ != nullptr && running ? objects_->touched(i, car.motion, row.at.fraction) : Touch{};
  if (touch.by_bot) objects_->halt(i);
  const Status now = judge(car, row, running, touch, i);
  const bool crashed = now == Status::crashed || (touch.kind != Touch::Kind::none && done[i] != 0);
  const bool pauses = running && done[i] == 0 && now != Status::in_progress;
  write(i, row, now, crashed);
  const Pose here{car.motion.x, car.motion.y, 0.0};
  car.front_x[1] = car.front_x[0];
  car.front_y[1] = car.front_y[0];
  car.front_x[0] = row.front.x;
  car.front_y[0] = row.front.y;
  car.previous_progress = row.progress >= 100.0 ? 0.0 : row.progress;
  if (pauses) pause(car, row, now, touch, i);
  car.fraction = row.at.fraction;
  car.base_x = here.x;
  car.base_y = here.y;
  box_resets[i] = car.box_resets;
}

// Cars are driven kLanes at a time; where fewer are left an idle car keeps the place. Cars that chance has made different
// are driven one by one.
void World::drive_some(const double* actions, std::size_t from, std::size_t to) {
  std::array<Command, kLanes> commands;
  std::array<Motion*, kLanes> motions;
  Motion idle[kLanes];
  std::size_t waiting = 0;
  const auto drive_waiting = [&] {
    for (std::size_t k = waiting; k < kLanes; ++k) {
      idle[k] = Motion{};
      motions[k] = &idle[k];
      commands[k] = Command{};
    }
    drive_lanes(settings_.car, commands, motions);
    waiting = 0;
  };
  for (std::size_t i = from; i < to; ++i) {
    if (!accept(i, actions[2 * i], actions[2 * i + 1])) continue;
    if (!own_parameters_.empty()) {
      drive(own_parameters_[i], cars_[i].command, cars_[i].motion);
      continue;
    }
    commands[waiting] = cars_[i].command;
    motions[waiting] = &cars_[i].motion;
    if (++waiting == kLanes) drive_waiting();
  }
  if (waiting != 0) drive_waiting();
  for (std::size_t i = from; i < to; ++i) {
    if (cars_[i].doing != Doing::running || is_sound(cars_[i].motion)) continue;
    stand(cars_[i].motion, track_->start_pose(cars_[i].start_fraction));
    cars_[i].doing = Doing::failing;
  }
}

// Cars are looked at kLanes at a time.
void World::after_some(std::size_t from, std::size_t to) {
  std::array<std::size_t, kLanes> seen;
  std::array<const Car*, kLanes> looking;
  std::array<Row, kLanes> rows;
  std::size_t count = 0;
  const auto look_at_seen = [&] {
    look(looking.data(), count, rows.data());
    for (std::size_t k = 0; k < count; ++k) {
      const Doing doing = cars_[seen[k]].doing;
      if (doing == Doing::beginning) {
        write_prepare(seen[k], rows[k]);
      } else if (doing == Doing::failing) {
        fail(seen[k], rows[k]);
      } else {
        after(seen[k], rows[k]);
      }
    }
    count = 0;
  };
  for (std::size_t i = from; i < to; ++i) {
    if (cars_[i].doing == Doing::nothing) continue;
    if (cars_[i].doing == Doing::beginning && (objects_ == nullptr || !objects_->shared())) {
      begin(i, nullptr);
      cars_[i].doing = Doing::beginning;
    }
    seen[count] = i;
    looking[count] = &cars_[i];
    if (++count == kLanes) look_at_seen();
  }
  if (count != 0) look_at_seen();
}

// On a shared road: everyone has driven; those who begin anew do, one after the other, and all take note of all.
void World::meet() {
  const auto note = [&](std::size_t i) {
    objects_->note(i, cars_[i].motion, cars_[i].command.speed_mps, done[i] == 0, !cars_[i].off_limits);
  };
  objects_->drive(0);
  for (std::size_t i = 0; i < cars_.size(); ++i) {
    if (cars_[i].doing != Doing::beginning) note(i);
  }
  for (std::size_t i = 0; i < cars_.size(); ++i) {
    if (cars_[i].doing != Doing::beginning) continue;
    begin(i, nullptr);
    cars_[i].doing = Doing::beginning;
    note(i);
  }
}

void World::reset(const bool* mask, const double* starts, const std::uint64_t* seeds, bool alone) {
  const std::lock_guard guard(busy_);
  for (std::size_t i = 0; i < cars_.size(); ++i) {
    if (starts != nullptr && (mask == nullptr || mask[i]) && !(starts[i] >= 0.0 && starts[i] < 1.0)) {
      throw std::invalid_argument("a start is a fraction of the lap from 0 to less than 1");
    }
  }
  const auto chosen = [&](std::size_t i) { return mask == nullptr || mask[i]; };
  for (std::size_t i = 0; i < cars_.size() && seeds != nullptr; ++i) {
    if (!chosen(i)) continue;
    names_[i] = {seeds[i], alone ? 0 : i};
    cars_[i].episode = -1;
  }
  if (objects_ != nullptr && objects_->shared()) {
    if (mask == nullptr && seeds != nullptr) shared_episodes_ = 0;
    if (mask == nullptr) objects_->place(0, names_[0].seed, 0, shared_episodes_++);
    for (std::size_t i = 0; i < cars_.size(); ++i) {
      if (chosen(i)) objects_->note(i, cars_[i].motion, 0.0, false, false);
    }
    for (std::size_t i = 0; i < cars_.size(); ++i) {
      if (!chosen(i)) continue;
      begin(i, starts);
      objects_->note(i, cars_[i].motion, 0.0, true, true);
    }
    for (std::size_t i = 0; i < cars_.size(); ++i) {
      if (chosen(i)) write_prepare(i, look(cars_[i]));
    }
    return;
  }
  crew_.share(cars_.size(), [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (!chosen(i)) continue;
      begin(i, starts);
      write_prepare(i, look(cars_[i]));
    }
  });
}

void World::step(const double* actions) {
  const std::lock_guard guard(busy_);
  if (objects_ != nullptr && objects_->shared()) {
    crew_.share(cars_.size(), [&](std::size_t from, std::size_t to) { drive_some(actions, from, to); });
    meet();
    crew_.share(cars_.size(), [&](std::size_t from, std::size_t to) { after_some(from, to); });
    return;
  }
  crew_.share(cars_.size(), [&](std::size_t from, std::size_t to) {
    drive_some(actions, from, to);
    after_some(from, to);
  });
}

void World::place(const double* poses) {
  const std::lock_guard guard(busy_);
  for (std::size_t i = 0; i < 3 * cars_.size(); ++i) {
    if (!(std::abs(poses[i]) < 1e5)) throw std::invalid_argument("a pose holds no number that the track can have");
  }
  for (std::size_t i = 0; i < cars_.size(); ++i) {
    stand(cars_[i].motion, {poses[3 * i], poses[3 * i + 1], wrap_angle(poses[3 * i + 2])});
    if (objects_ != nullptr && objects_->shared()) objects_->note(i, cars_[i].motion, 0.0, true, true);
  }
  for (std::size_t i = 0; i < cars_.size(); ++i) {
    if (cameras_) cameras_->forget(i);
    const Row row = look(cars_[i]);
    const bool crashed =
        objects_ != nullptr && objects_->touched(i, cars_[i].motion, row.at.fraction).counts();
    write(i, row, static_cast<Status>(status[i]), crashed);
  }
}

}  // namespace paddock
