// A policy that drives all cars of a world for many steps: look, choose, step, without leaving the core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "policy.hpp"
#include "random.hpp"
#include "threads.hpp"
#include "world.hpp"

namespace paddock {

// Rows of memory that someone else keeps and writes: row i belongs to car i.
struct Rows {
  const std::uint8_t* data;
  std::size_t stride;  // bytes from row to row
  std::size_t first, count;  // bytes of a row that are meant
};

// What the policy's numbers mean: the greatest chooses a row of the table; or, where there is no table, they are steering
// and speed in shares from -1 to 1 of the range from low to high.
struct Actions {
  std::vector<double> table;  // (actions, 2) degrees and m/s
  double low[2] = {}, high[2] = {};
  bool continuous() const { return table.empty(); }
};

// Draw actions instead of taking the best: from softmax(outputs), or around the means with a spread for each; evenly
// with probability epsilon.
struct Drawing {
  std::uint64_t seed = 0;
  double epsilon = 0.0;
  double spread[2] = {};
};

// Where to write what happened, if anywhere: one block for each step. What a drive that lasts until all are done would
// write of a car that is done before is left as it was, but for the world's own arrays.
struct Record {
  struct Copy {
    const std::uint8_t* from;
    std::uint8_t* to;
    std::size_t bytes;
  };
  std::vector<std::uint8_t*> observations;  // none, or one for each input
  float* outputs = nullptr;
  std::int64_t* chosen = nullptr;           // (cars,) of discrete actions
  float* drawn = nullptr;                   // (cars, 2) of continuous ones, not clipped
  double* commands = nullptr;               // (cars, 2) degrees and m/s
  float* log_probabilities = nullptr;       // (cars,); 0 where nothing is drawn
  std::vector<Copy> before, after;          // arrays of the world as they are before and after each step
};

// When to stop before all steps are driven. `starts` are fractions of the lap at which cars that are done begin anew at
// once, in turn; the drive ends where fewer are left than there are cars.
struct Until {
  bool all_done = false;
  std::size_t episodes = 0, least_steps = 0;  // so many ended (0: no matter), and at least so many steps of cars
  const double* starts = nullptr;
  std::size_t start_count = 0;
};

struct Driven {
  std::size_t steps = 0, episodes = 0, starts = 0;  // steps of the world, episodes that ended, starts used
};

class Rollout {
 public:
  // inputs: for each tower of the policy what stands side by side in its rows; a frame of the `stack` that the policy
  // sees. Throws std::invalid_argument where they do not fit.
  Rollout(std::shared_ptr<World> world, std::shared_ptr<const Policy> policy, std::vector<std::vector<Rows>> inputs,
          std::size_t stack, Actions actions, std::optional<Drawing> drawing, std::size_t threads);

  Driven drive(std::size_t steps, const Record& record, const Until& until);
  void draw_with(const Drawing& drawing);  // from the next step on; the streams go on

  std::size_t cars() const { return world_->cars(); }
  const Policy& policy() const { return *policy_; }
  // From the next step on; throws std::invalid_argument for one with other inputs or outputs.
  void drive_with(std::shared_ptr<const Policy> policy);
  const Actions& actions() const { return actions_; }
  std::size_t row_bytes(std::size_t input) const { return inputs_[input].bytes; }

 private:
  struct Input {
    std::vector<Rows> rows;
    std::size_t bytes;            // of a car's row as the policy sees it
    std::size_t places, channel;  // a frame: places, and bytes at each of them
    bool in_place;                // the policy reads the world's own memory
    std::vector<std::uint8_t> seen, frame, together;
  };
  void look(std::size_t from, std::size_t to);
  void push(Input& input, std::size_t car) const;
  // Look and choose, for all that are asked.
  void act(std::size_t step, const Record& record);
  void note(std::size_t from, std::size_t to, const std::vector<Policy::Source>& shown, std::size_t step,
            const Record& record);
  void choose(std::size_t car, const float* outputs, const Record& record, std::size_t row);
  std::size_t draw_discrete(std::size_t car, const float* outputs, double& log_probability);
  void draw_continuous(std::size_t car, const float* outputs, float* drawn, double& log_probability);
  void ask(bool all_done);
  std::vector<Policy::Source> sources(std::size_t from, std::size_t to);
  std::size_t begin_anew(const double* starts);

  std::shared_ptr<World> world_;
  std::shared_ptr<const Policy> policy_;
  std::vector<Input> inputs_;
  std::size_t stack_;
  Actions actions_;
  std::optional<Drawing> drawing_;
  std::vector<Random> random_;
  std::vector<std::size_t> asked_;  // the cars that are to choose now
  std::vector<float> outputs_;      // of each of those
  std::vector<double> commands_;
  std::unique_ptr<bool[]> mask_;
  std::vector<double> starts_;
  Crew crew_;
  std::mutex busy_;
};

}  // namespace paddock
