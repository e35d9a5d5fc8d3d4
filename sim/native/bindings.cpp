// The only file of the core that knows Python. It checks shapes, lets go of the interpreter's lock, and calls.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

#include "bind_camera.hpp"
#include "bind_dense_chain.hpp"
#include "bind_objects.hpp"
#include "bind_parameters.hpp"
#include "bind_policy.hpp"
#include "bind_rollout.hpp"
#include "maths.hpp"
#include "processor.hpp"
#include "world.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace paddock;

namespace {

using Pairs = nb::ndarray<const double, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Triples = nb::ndarray<const double, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Seeds = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Flags = nb::ndarray<const bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::vector<Point> line(const Pairs& array) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < array.shape(0); ++i) points.push_back({array(i, 0), array(i, 1)});
  return points;
}

void need(std::size_t found, std::size_t wanted, const char* what) {
  if (found != wanted) {
    throw std::invalid_argument(std::string(what) + " has " + std::to_string(found) + " rows, not " +
                                std::to_string(wanted));
  }
}

// A NumPy array over the world's own memory; it keeps the world alive.
template <typename T>
nb::ndarray<nb::numpy, T> view(nb::handle self, std::vector<T>& data, std::size_t rows, std::size_t columns) {
  const std::size_t shape[2] = {rows, columns};
  return nb::ndarray<nb::numpy, T>(data.data(), columns == 0 ? 1 : 2, shape, self);
}

template <typename T>
auto array_of(std::vector<T> World::* member, std::size_t columns) {
  return [member, columns](nb::handle self) {
    auto& world = nb::cast<World&>(self);
    auto& data = world.*member;
    return view(self, data, data.empty() ? 0 : world.cars(), columns);  // what the world was not asked for has no rows
  };
}

// (cars, height, width, eyes); empty without a camera.
nb::ndarray<nb::numpy, std::uint8_t> pictures(nb::handle self) {
  auto& world = nb::cast<World&>(self);
  const auto& rules = world.camera_rules();
  const std::size_t shape[4] = {world.cars(), rules ? static_cast<std::size_t>(rules->size.height) : 0,
                                rules ? static_cast<std::size_t>(rules->size.width) : 0, rules ? rules->eyes : 1};
  return nb::ndarray<nb::numpy, std::uint8_t>(world.camera.data(), 4, shape, self);
}

std::shared_ptr<World> make_world(std::shared_ptr<Track> track, std::size_t cars, std::uint64_t seed, int laps,
                                  bool continuous, int maximum_resets, int pause_steps, int maximum_steps, int start,
                                  double start_offset, bool auto_reset, const std::vector<double>& parameters,
                                  bool lidar, double lidar_clip_m, double lidar_noise_m, bool lidar_walls,
                                  std::size_t sector_count, std::size_t sector_steps, double sector_clip_m,
                                  bool is_reversed, std::size_t threads, const nb::object& objects, int crash_steps,
                                  bool reset_at_previous, int mercy_after, nb::object camera,
                                  double grip_spread, double delay_spread_s) {
  if (cars < 1 || cars > 1000000) throw std::invalid_argument("a world has 1 to 1000000 cars");
  if (threads < 1 || threads > 256) throw std::invalid_argument("a world has 1 to 256 threads");
  if (parameters.size() != kCarParameters) throw std::invalid_argument("wrong number of car parameters");
  if (start < 0 || start > 2) throw std::invalid_argument("unknown kind of start");
  WorldSettings settings;
  settings.cars = cars;
  settings.seed = seed;
  settings.rules = {.laps = laps,
                    .continuous = continuous,
                    .maximum_resets = maximum_resets,
                    .pause_steps = pause_steps,
                    .crash_steps = crash_steps,
                    .reset_at_previous = reset_at_previous,
                    .mercy_after = mercy_after,
                    .maximum_steps = maximum_steps,
                    .start = static_cast<Start>(start),
                    .start_offset = start_offset,
                    .auto_reset = auto_reset};
  std::array<double, kCarParameters> values;
  std::copy(parameters.begin(), parameters.end(), values.begin());
  settings.car = checked(values);
  if (!(start_offset >= 0.0 && start_offset < 1.0)) throw std::invalid_argument("a start is a fraction of the lap");
  if (laps < 1 || maximum_steps < 1 || pause_steps < 0) throw std::invalid_argument("an episode has laps and steps");
  if (!(lidar_clip_m >= 0.15 && lidar_clip_m <= 100.0 && lidar_noise_m >= 0.0 && lidar_noise_m <= 10.0)) {
    throw std::invalid_argument("a LIDAR reaches 0.15 to 100 m and is wrong by up to 10 m");
  }
  if (lidar) settings.lidar = LidarRules{lidar_clip_m, lidar_noise_m, lidar_walls};
  if (sector_count > 0 && (!lidar || kBeams % sector_count != 0 || sector_steps > kBeams || !(sector_clip_m > 0.0))) {
    throw std::invalid_argument("sectors need a LIDAR whose beams they share evenly");
  }
  settings.sectors = {sector_count, sector_steps, sector_clip_m};
  settings.objects = object_rules(objects);
  settings.camera = camera_rules(camera);
  settings.spread = {grip_spread, delay_spread_s};
  settings.is_reversed = is_reversed;
  settings.threads = threads;
  const nb::gil_scoped_release release;
  return std::make_shared<World>(track, settings);
}

void reset(World& world, nb::object mask, nb::object starts, nb::object seeds, bool alone) {
  const bool* chosen = nullptr;
  const double* fractions = nullptr;
  const std::uint64_t* streams = nullptr;
  Seeds whole_numbers;
  Flags flags;
  Numbers numbers;
  if (!mask.is_none()) {
    if (!nb::try_cast(mask, flags, false)) throw nb::type_error("mask must be a contiguous array of bool");
    need(flags.shape(0), world.cars(), "mask");
    chosen = flags.data();
  }
  if (!starts.is_none()) {
    if (!nb::try_cast(starts, numbers, false)) throw nb::type_error("start must be a contiguous array of float64");
    need(numbers.shape(0), world.cars(), "start");
    fractions = numbers.data();
  }
  if (!seeds.is_none()) {
    if (!nb::try_cast(seeds, whole_numbers, false)) throw nb::type_error("seeds must be a contiguous array of uint64");
    need(whole_numbers.shape(0), world.cars(), "seeds");
    streams = whole_numbers.data();
  }
  const nb::gil_scoped_release release;
  world.reset(chosen, fractions, streams, alone);
}

void step(World& world, const Pairs& actions) {
  need(actions.shape(0), world.cars(), "actions");
  const nb::gil_scoped_release release;
  world.step(actions.data());
}

void place(World& world, const Triples& poses) {
  need(poses.shape(0), world.cars(), "poses");
  const nb::gil_scoped_release release;
  world.place(poses.data());
}

nb::tuple locate(const Track& track, double x, double y, bool slowly) {
  const TrackState s = track.locate({x, y});
  const double along = slowly ? track.centre().project({x, y}).along_m : s.centre.along_m;
  return nb::make_tuple(along, s.previous, s.next, s.distance_m, s.width_m, s.left_of_centre, track.on_track({x, y}));
}

// Open-loop replay: drives one car from standing at (x, y, yaw), its front wheels turned by hinge_rad, through the
// actions; row k is after action k, which was held for durations[k] seconds.
void replay(const std::vector<double>& parameters, const std::vector<double>& pose, double hinge_rad,
            const Pairs& actions, const Numbers& durations,
            nb::ndarray<double, nb::shape<-1, 6>, nb::c_contig, nb::device::cpu> out) {
  if (parameters.size() != kCarParameters) throw std::invalid_argument("wrong number of car parameters");
  if (pose.size() != 3) throw std::invalid_argument("a pose is x, y, yaw");
  if (!(std::abs(hinge_rad) <= kMaximumHinge_rad)) throw std::invalid_argument("a hinge stands within 0.78 rad");
  need(out.shape(0), actions.shape(0), "out");
  need(durations.shape(0), actions.shape(0), "durations");
  std::array<double, kCarParameters> values;
  std::copy(parameters.begin(), parameters.end(), values.begin());
  const CarParameters car = checked(values);
  Motion m;
  m.x = pose[0];
  m.y = pose[1];
  m.yaw = pose[2];
  m.hinge_rad = hinge_rad;
  for (std::size_t k = 0; k < actions.shape(0); ++k) {
    drive(car, {actions(k, 0) * kRadians, actions(k, 1)}, m, durations(k));
    const double row[6] = {m.x, m.y, m.yaw, m.forward_mps, m.sideways_mps, m.yaw_rate};
    std::copy(row, row + 6, &out(k, 0));
  }
}

// The simulator's own functions take the numbers that the simulator can meet, and nothing else is asked of them.
double met(double x, double least, double most) {
  if (!(x >= least && x <= most)) throw std::invalid_argument("the simulator never meets such a number");
  return x;
}

void bind_maths(nb::module_& m) {
  m.def("sin", [](double x) { return sincos(met(x, -1e6, 1e6)).sine; });
  m.def("cos", [](double x) { return sincos(met(x, -1e6, 1e6)).cosine; });
  m.def("atan2", [](double y, double x) { return arctan2(met(y, -1e6, 1e6), met(x, -1e6, 1e6)); });
  m.def("exp", [](double x) { return exponential(met(x, -1e6, 1e6)); });
  m.def("log", [](double x) { return logarithm(met(x, 1e-300, 1e300)); });
  m.def("tanh_f", [](float x) { return tanh_f(static_cast<float>(met(x, -3e38, 3e38))); });
  m.def("progress_after", &progress_after);
  m.def("random_bits", [](std::uint64_t seed, std::uint64_t car, std::uint64_t episode) {
    return Random(seed, car, episode).bits();
  });
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The native core of Paddock's simulator.";
  m.attr("FEATURE_COUNT") = kFeatures;
  m.attr("REWARD_STATE_COUNT") = kRewardStates;
  m.attr("BEAM_COUNT") = kBeams;
  m.attr("LIDAR_AHEAD_M") = kLidarAhead_m;
  m.attr("HAS_AVX2") = kHasAvx2;
  m.attr("LOOK_AHEAD_M") = nb::cast(std::vector<double>(kLook_m.begin(), kLook_m.end()));
  bind_maths(m);
  m.def("replay", &replay, "parameters"_a, "pose"_a, "hinge_rad"_a, "actions"_a.noconvert(), "durations"_a.noconvert(),
        "out"_a.noconvert());

  nb::class_<Track>(m, "Track")
      .def("__init__",
           [](Track* self, const Pairs& centre, const Pairs& inner, const Pairs& outer, bool closed) {
             new (self) Track(line(centre), line(inner), line(outer), closed);
           },
           "centre"_a.noconvert(), "inner"_a.noconvert(), "outer"_a.noconvert(), "closed"_a)
      .def_prop_ro("length_m", &Track::length_m)
      .def("locate", &locate, "x"_a, "y"_a, "slowly"_a = false)
      .def("start_pose", [](const Track& t, double fraction) {
        const Pose p = t.start_pose(fraction);
        return nb::make_tuple(p.x, p.y, p.yaw);
      })
      .def("reset_pose", [](const Track& t, double fraction, double x, double y) {
        const Pose p = t.reset_pose(fraction, {x, y});
        return nb::make_tuple(p.x, p.y, p.yaw);
      });

  nb::class_<Walls>(m, "Walls")
      .def("__init__",
           [](Walls* self, const Track& track, double reach_m) { new (self) Walls(track, met(reach_m, 1e-3, 1e3)); },
           "track"_a, "reach_m"_a)
      .def("beams", [](const Walls& walls, double x, double y, double yaw) {
        Fan fan({met(x, -1e6, 1e6), met(y, -1e6, 1e6)}, sincos(met(yaw, -1e6, 1e6)), walls.reach_m());
        walls.shorten(fan);
        std::vector<double> lengths;
        for (std::size_t i = 0; i < kBeams; ++i) lengths.push_back(fan.length_m(i));
        return lengths;
      }, "x"_a, "y"_a, "yaw"_a)
      .def("beams_slowly", [](const Walls& walls, double x, double y, double yaw) {
        const Fan fan({met(x, -1e6, 1e6), met(y, -1e6, 1e6)}, sincos(met(yaw, -1e6, 1e6)), walls.reach_m());
        std::vector<double> lengths;
        for (std::size_t i = 0; i < kBeams; ++i) lengths.push_back(walls.distance_slowly(fan, i));
        return lengths;
      }, "x"_a, "y"_a, "yaw"_a);

  nb::class_<World>(m, "World")
      .def_prop_ro("features", array_of(&World::features, kFeatures))
      .def_prop_ro("lidar", array_of(&World::lidar, kBeams))
      .def_prop_ro("sectors",
                   [](nb::handle self) {
                     auto& world = nb::cast<World&>(self);
                     return view(self, world.sectors, world.cars(), std::max<std::size_t>(1, world.sector_columns()));
                   })
      .def_prop_ro("reward_states",
                   [](nb::handle self) {
                     auto& world = nb::cast<World&>(self);
                     return view(self, world.reward_states, world.cars(), world.reward_columns());
                   })
      .def_prop_ro("camera", &pictures)
      .def_prop_ro("pose", array_of(&World::pose, 3))
      .def_prop_ro("status", array_of(&World::status, 0))
      .def_prop_ro("done", array_of(&World::done, 0))
      .def_prop_ro("lap", array_of(&World::lap, 0))
      .def_prop_ro("lap_steps", array_of(&World::lap_steps, 0))
      .def_prop_ro("lap_resets", array_of(&World::lap_resets, 0))
      .def_prop_ro("box_resets", array_of(&World::box_resets, 0))
      .def("solids", &solids_of, "car"_a)
      .def_prop_ro("clipped", array_of(&World::clipped, 0))
      .def_prop_ro("clipped_steps", array_of(&World::clipped_steps, 0))
      .def("reset", &reset, "mask"_a.none(), "start"_a.none(), "seeds"_a.none() = nb::none(), "alone"_a = false)
      .def("step", &step, "actions"_a.noconvert())
      .def("place", &place, "poses"_a.noconvert());
  m.def("make_world", &make_world, nb::kw_only(), "track"_a, "cars"_a, "seed"_a, "laps"_a, "continuous"_a,
        "maximum_resets"_a, "pause_steps"_a, "maximum_steps"_a, "start"_a, "start_offset"_a, "auto_reset"_a,
        "parameters"_a, "lidar"_a, "lidar_clip_m"_a, "lidar_noise_m"_a, "lidar_walls"_a, "sector_count"_a, "sector_steps"_a,
        "sector_clip_m"_a, "is_reversed"_a, "threads"_a,
        "objects"_a.none(), "crash_steps"_a, "reset_at_previous"_a, "mercy_after"_a, "camera"_a.none(),
        "grip_spread"_a, "delay_spread_s"_a);
  bind_camera(m);
  bind_objects(m);
  bind_parameters(m);
  bind_dense_chain(m);
  bind_policy(m);
  bind_rollout(m);
}
