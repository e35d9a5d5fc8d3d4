#include "bind_rollout.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "rollout.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace paddock;

namespace {

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Room = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Pairs = nb::ndarray<const double, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;

template <typename T>
T taken(nb::handle from, const char* what) {
  T value;
  if (!nb::try_cast(from, value, false)) throw nb::type_error(what);
  return value;
}

// A rollout, and the arrays that it reads.
struct Held {
  std::vector<Array> shown;
  std::unique_ptr<Rollout> rollout;
};

nb::tuple tuple_of(nb::handle item, std::size_t fields, const char* what) {
  const auto tuple = taken<nb::tuple>(item, what);
  if (tuple.size() != fields) throw std::invalid_argument(what);
  return tuple;
}

// (array with a row for each car, first, count): columns of an array of numbers, or bytes of pictures.
Rows rows_of(nb::handle item, std::size_t cars, bool bytes, std::vector<Array>& shown) {
  const char* what = "what a policy is shown is (array, first, width)";
  const nb::tuple part = tuple_of(item, 3, what);
  auto array = taken<Array>(part[0], "what a policy is shown must be a contiguous array");
  if (array.ndim() < 2 || array.shape(0) != cars) {
    throw std::invalid_argument("what a policy is shown must have a row for each car");
  }
  if (array.dtype() != (bytes ? nb::dtype<std::uint8_t>() : nb::dtype<float>())) {
    throw nb::type_error(bytes ? "a policy's pictures are uint8" : "a policy's numbers are float32");
  }
  const std::size_t columns = array.size() / cars;
  const auto first = taken<std::size_t>(part[1], what);
  const auto count = taken<std::size_t>(part[2], what);
  if (count == 0 || first > columns || count > columns - first) {
    throw std::invalid_argument("a policy cannot be shown columns that are not there");
  }
  const std::size_t item_bytes = array.itemsize();
  shown.push_back(array);
  return {static_cast<const std::uint8_t*>(array.data()), columns * item_bytes, first * item_bytes, count * item_bytes};
}

Drawing drawing_of(std::uint64_t seed, double epsilon, double steering_spread, double speed_spread) {
  Drawing drawing;
  drawing.seed = seed;
  drawing.epsilon = epsilon;
  drawing.spread[0] = steering_spread;
  drawing.spread[1] = speed_spread;
  return drawing;
}

Actions actions_of(const nb::object& table, const nb::object& range) {
  Actions actions;
  if (!table.is_none()) {
    const auto rows = taken<Pairs>(table, "a table of actions is a contiguous (n, 2) array of float64");
    if (rows.shape(0) < 1 || rows.shape(0) > 100000) throw std::invalid_argument("a table has 1 to 100000 actions");
    actions.table.assign(rows.data(), rows.data() + rows.size());
    return actions;
  }
  const auto both = taken<Pairs>(range, "a range of actions is a contiguous (2, 2) array of float64");
  if (both.shape(0) != 2) throw std::invalid_argument("a range of actions is its low and its high");
  for (std::size_t k = 0; k < 2; ++k) {
    actions.low[k] = both(0, k);
    actions.high[k] = both(1, k);
  }
  return actions;
}

std::shared_ptr<Held> make_rollout(std::shared_ptr<World> world, std::shared_ptr<Policy> policy, const nb::list& inputs,
                                   std::size_t stack, const nb::object& table, const nb::object& range,
                                   const nb::object& drawing, std::size_t threads) {
  if (threads < 1 || threads > 256) throw std::invalid_argument("threads must be 1 to 256");
  if (inputs.size() != policy->towers().size()) {
    throw std::invalid_argument("the policy has " + std::to_string(policy->towers().size()) + " inputs, but " +
                                std::to_string(inputs.size()) + " are shown");
  }
  auto held = std::make_shared<Held>();
  std::vector<std::vector<Rows>> shown;
  for (std::size_t t = 0; t < inputs.size(); ++t) {
    std::vector<Rows> rows;
    for (const nb::handle part : taken<nb::list>(inputs[t], "an input is a list of what is shown side by side")) {
      rows.push_back(rows_of(part, world->cars(), policy->towers()[t].takes_bytes(), held->shown));
    }
    shown.push_back(std::move(rows));
  }
  std::optional<Drawing> drawn;
  if (!drawing.is_none()) {
    const char* what = "drawing is (seed, epsilon, spread of steering, spread of speed)";
    const nb::tuple parts = tuple_of(drawing, 4, what);
    drawn = drawing_of(taken<std::uint64_t>(parts[0], what), taken<double>(parts[1], what),
                       taken<double>(parts[2], what), taken<double>(parts[3], what));
  }
  held->rollout = std::make_unique<Rollout>(std::move(world), std::move(policy), std::move(shown), stack,
                                            actions_of(table, range), drawn, threads);
  return held;
}

// The memory of an array that is written to, of `steps` blocks.
std::uint8_t* room_of(nb::handle given, nb::dlpack::dtype kind, std::size_t steps, std::size_t block_bytes,
                      std::vector<Room>& kept) {
  auto room = taken<Room>(given, "what is recorded goes into writable contiguous arrays");
  if (room.dtype() != kind) throw nb::type_error("an array to record into has another kind of numbers");
  if (room.ndim() < 1 || room.shape(0) < steps) throw std::invalid_argument("an array to record into has too few steps");
  if (room.shape(0) != 0 && room.nbytes() / room.shape(0) != block_bytes) {
    throw std::invalid_argument("an array to record into has another size than what is recorded");
  }
  kept.push_back(room);
  return static_cast<std::uint8_t*>(room.data());
}

std::vector<Record::Copy> copies_of(const nb::list& pairs, std::size_t steps, std::vector<Array>& sources,
                                    std::vector<Room>& kept) {
  std::vector<Record::Copy> copies;
  for (const nb::handle item : pairs) {
    const nb::tuple pair = tuple_of(item, 2, "what is recorded is (array, where to)");
    auto from = taken<Array>(pair[0], "what is recorded must be a contiguous array");
    std::uint8_t* to = room_of(pair[1], from.dtype(), steps, from.nbytes(), kept);
    copies.push_back({static_cast<const std::uint8_t*>(from.data()), to, from.nbytes()});
    sources.push_back(from);
  }
  return copies;
}

nb::tuple drive_rollout(Held& held, std::size_t steps, const nb::object& observations, const nb::object& outputs,
                const nb::object& actions, const nb::object& commands, const nb::object& log_probabilities,
                const nb::list& before, const nb::list& after, bool all_done, std::size_t episodes,
                std::size_t least_steps, const nb::object& starts) {
  Rollout& rollout = *held.rollout;
  const std::size_t n = rollout.cars();
  if (steps > (std::size_t{1} << 40)) throw std::invalid_argument("too many steps");
  std::vector<Array> sources;
  std::vector<Room> kept;
  Record record;
  const auto room = [&]<typename T>(const nb::object& given, T*& member, std::size_t columns) {
    if (given.is_none()) return;
    member = reinterpret_cast<T*>(room_of(given, nb::dtype<T>(), steps, n * columns * sizeof(T), kept));
  };
  room(outputs, record.outputs, rollout.policy().outputs());
  room(commands, record.commands, 2);
  room(log_probabilities, record.log_probabilities, 1);
  if (rollout.actions().continuous()) {
    room(actions, record.drawn, 2);
  } else {
    room(actions, record.chosen, 1);
  }
  if (!observations.is_none()) {
    const auto list = taken<nb::list>(observations, "observations are a list of arrays, one for each input");
    if (list.size() != rollout.policy().towers().size()) {
      throw std::invalid_argument("observations are a list of arrays, one for each input");
    }
    for (std::size_t t = 0; t < list.size(); ++t) {
      const bool bytes = rollout.policy().towers()[t].takes_bytes();
      record.observations.push_back(room_of(list[t], bytes ? nb::dtype<std::uint8_t>() : nb::dtype<float>(), steps,
                                            n * rollout.row_bytes(t), kept));
    }
  }
  record.before = copies_of(before, steps, sources, kept);
  record.after = copies_of(after, steps, sources, kept);
  Until until{all_done, episodes, least_steps, nullptr, 0};
  Numbers fractions;
  if (!starts.is_none()) {
    fractions = taken<Numbers>(starts, "starts are a contiguous array of float64");
    static const double nothing = 0.0;
    until.starts = fractions.size() == 0 ? &nothing : fractions.data();
    until.start_count = fractions.size();
  }
  Driven driven;
  {
    const nb::gil_scoped_release release;
    driven = rollout.drive(steps, record, until);
  }
  return nb::make_tuple(driven.steps, driven.episodes, driven.starts);
}

}  // namespace

void bind_rollout(nb::module_& m) {
  nb::class_<Held>(m, "Rollout")
      .def("drive", &drive_rollout, nb::kw_only(), "steps"_a, "observations"_a.none(), "outputs"_a.none(), "actions"_a.none(),
           "commands"_a.none(), "log_probabilities"_a.none(), "before"_a, "after"_a, "all_done"_a, "episodes"_a,
           "least_steps"_a, "starts"_a.none())
      .def("draw_with",
           [](Held& held, double epsilon, double steering_spread, double speed_spread) {
             held.rollout->draw_with(drawing_of(0, epsilon, steering_spread, speed_spread));
           },
           "epsilon"_a, "steering_spread"_a, "speed_spread"_a)
      .def("drive_with",
           [](Held& held, std::shared_ptr<Policy> policy) { held.rollout->drive_with(std::move(policy)); },
           "policy"_a);
  m.def("make_rollout", &make_rollout, nb::kw_only(), "world"_a, "policy"_a, "inputs"_a, "stack"_a, "table"_a.none(),
        "range"_a.none(), "drawing"_a.none(), "threads"_a);
}
