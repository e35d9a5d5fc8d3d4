#include "rollout.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "maths.hpp"

namespace paddock {
namespace {

constexpr std::uint64_t kDrawing = 0x647261776E;  // keeps these streams apart from the world's own
constexpr double kHalfLogTwoPi = 0.91893853320467274178;
constexpr double kLogBox = 1.38629436111989061883;  // log of the area of [-1, 1]^2

// The first of the greatest; a NaN counts as greater than all, as NumPy has it.
std::size_t greatest(const float* values, std::size_t count) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isnan(values[i])) return i;
    if (values[i] > values[best]) best = i;
  }
  return best;
}

// log((1 - epsilon) e^a + epsilon e^b)
double mixed(double a, double b, double epsilon) {
  if (epsilon <= 0.0) return a;
  if (epsilon >= 1.0) return b;
  const double first = a + logarithm(1.0 - epsilon);
  const double second = b + logarithm(epsilon);
  const double most = std::max(first, second);
  return most + logarithm(exponential(first - most) + exponential(second - most));
}

void check(const Drawing& drawing) {
  const bool fine = drawing.epsilon >= 0.0 && drawing.epsilon <= 1.0;
  if (!fine) throw std::invalid_argument("epsilon must be 0 to 1");
  for (const double spread : drawing.spread) {
    if (!(spread >= 0.0 && spread < 1e6)) throw std::invalid_argument("a spread must be a number of at least 0");
  }
}

}  // namespace

Rollout::Rollout(std::shared_ptr<World> world, std::shared_ptr<const Policy> policy,
                 std::vector<std::vector<Rows>> inputs, std::size_t stack, Actions actions,
                 std::optional<Drawing> drawing, std::size_t threads)
    : world_(std::move(world)),
      policy_(std::move(policy)),
      stack_(stack),
      actions_(std::move(actions)),
      drawing_(drawing),
      crew_(threads) {
  const std::size_t n = world_->cars();
  if (stack_ < 1 || stack_ > 64) throw std::invalid_argument("a stack has 1 to 64 frames");
  if (inputs.size() != policy_->towers().size()) {
    throw std::invalid_argument("the policy has another number of inputs than it is shown");
  }
  for (std::size_t t = 0; t < inputs.size(); ++t) {
    const Tower& tower = policy_->towers()[t];
    const std::size_t item = tower.takes_bytes() ? 1 : sizeof(float);
    Input input;
    input.rows = std::move(inputs[t]);
    input.bytes = tower.in.size() * item;
    input.places = tower.in.height * tower.in.width;
    input.channel = tower.in.channels * item / stack_;
    std::size_t frame = 0;
    for (const Rows& rows : input.rows) frame += rows.count;
    if (frame * stack_ != input.bytes || tower.in.channels % stack_ != 0) {
      throw std::invalid_argument("an input of the policy has another size than what it is shown");
    }
    input.in_place = stack_ == 1 && input.rows.size() == 1 && input.rows[0].stride % item == 0;
    if (!input.in_place) {
      input.seen.assign(n * input.bytes, 0);
      input.frame.assign(n * frame, 0);
    }
    inputs_.push_back(std::move(input));
  }
  const std::size_t wanted = actions_.continuous() ? 2 : actions_.table.size() / 2;
  if (policy_->outputs() != wanted) throw std::invalid_argument("the policy has another number of outputs than actions");
  outputs_.assign(n * wanted, 0.0f);
  commands_.assign(n * 2, 0.0);
  mask_ = std::make_unique<bool[]>(n);
  starts_.assign(n, 0.0);
  if (drawing_) {
    check(*drawing_);
    for (std::size_t i = 0; i < n; ++i) random_.emplace_back(drawing_->seed, i, kDrawing);
  }
}

void Rollout::draw_with(const Drawing& drawing) {
  const std::lock_guard guard(busy_);
  check(drawing);
  if (!drawing_) throw std::invalid_argument("this rollout takes the best action; it has no random numbers to draw with");
  const std::uint64_t seed = drawing_->seed;
  drawing_ = drawing;
  drawing_->seed = seed;
}

void Rollout::drive_with(std::shared_ptr<const Policy> policy) {
  const std::lock_guard guard(busy_);
  bool same = policy->outputs() == policy_->outputs() && policy->towers().size() == policy_->towers().size();
  for (std::size_t t = 0; same && t < inputs_.size(); ++t) {
    const Tower& now = policy_->towers()[t];
    const Tower& then = policy->towers()[t];
    same = now.in.height == then.in.height && now.in.width == then.in.width && now.in.channels == then.in.channels &&
           now.takes_bytes() == then.takes_bytes();
  }
  if (!same) throw std::invalid_argument("this policy has other inputs or outputs than the one before");
  policy_ = std::move(policy);
}

// The newest frame takes its place behind the older ones; after a `prepare` row all of them are that one.
void Rollout::push(Input& input, std::size_t car) const {
  const std::size_t size = input.bytes / stack_;
  std::uint8_t* frame = input.frame.data() + car * size;
  std::uint8_t* to = frame;
  for (const Rows& rows : input.rows) {
    std::memcpy(to, rows.data + car * rows.stride + rows.first, rows.count);
    to += rows.count;
  }
  std::uint8_t* seen = input.seen.data() + car * input.bytes;
  const bool fresh = world_->status[car] == static_cast<std::uint8_t>(Status::prepare);
  const std::size_t older = (stack_ - 1) * input.channel;
  for (std::size_t place = 0; place < input.places; ++place, frame += input.channel, seen += stack_ * input.channel) {
    if (fresh) {
      for (std::size_t s = 0; s + 1 < stack_; ++s) std::memcpy(seen + s * input.channel, frame, input.channel);
    } else {
      std::memmove(seen, seen + input.channel, older);
    }
    std::memcpy(seen + older, frame, input.channel);
  }
}

void Rollout::look(std::size_t from, std::size_t to) {
  for (Input& input : inputs_) {
    if (input.in_place) continue;
    for (std::size_t k = from; k < to; ++k) push(input, asked_[k]);
  }
}

// What the cars in these places of `asked_` see, row after row: where it lies, unless there are others between them.
std::vector<Policy::Source> Rollout::sources(std::size_t from, std::size_t to) {
  const bool side_by_side = asked_.size() == cars();
  std::vector<Policy::Source> found;
  for (std::size_t t = 0; t < inputs_.size(); ++t) {
    Input& input = inputs_[t];
    const std::size_t item = policy_->towers()[t].takes_bytes() ? 1 : sizeof(float);
    const std::uint8_t* data = input.in_place ? input.rows[0].data + input.rows[0].first : input.seen.data();
    std::size_t stride = input.in_place ? input.rows[0].stride : input.bytes;
    if (!side_by_side) {
      for (std::size_t k = from; k < to; ++k) {
        std::memcpy(input.together.data() + k * input.bytes, data + asked_[k] * stride, input.bytes);
      }
      data = input.together.data();
      stride = input.bytes;
    }
    found.push_back({data + from * stride, stride / item});
  }
  return found;
}

// Of a drive that lasts until all are done, those that are not: nobody needs to know what the others would do.
void Rollout::ask(bool all_done) {
  asked_.clear();
  for (std::size_t i = 0; i < cars(); ++i) {
    if (!all_done || world_->done[i] == 0) asked_.push_back(i);
  }
  if (asked_.size() == cars()) return;
  for (Input& input : inputs_) input.together.resize(cars() * input.bytes);
}

std::size_t Rollout::draw_discrete(std::size_t car, const float* outputs, double& log_probability) {
  const std::size_t count = policy_->outputs();
  const double most = outputs[greatest(outputs, count)];
  const double even = drawing_->epsilon / static_cast<double>(count);
  double total = 0.0;
  for (std::size_t i = 0; i < count; ++i) total += exponential(outputs[i] - most);
  const double height = random_[car].uniform();
  double sum = 0.0;
  double share = 0.0;
  std::size_t chosen = 0;
  for (; chosen < count; ++chosen) {
    share = (1.0 - drawing_->epsilon) * (exponential(outputs[chosen] - most) / total) + even;
    sum += share;
    if (sum > height || chosen + 1 == count) break;
  }
  log_probability = share > 0.0 ? logarithm(share) : -708.0;
  return chosen;
}

void Rollout::draw_continuous(std::size_t car, const float* outputs, float* drawn, double& log_probability) {
  Random& random = random_[car];
  const bool even = drawing_->epsilon > 0.0 && random.uniform() < drawing_->epsilon;
  log_probability = 0.0;
  for (std::size_t k = 0; k < 2; ++k) {
    const double spread = drawing_->spread[k];
    const double value = even ? 2.0 * random.uniform() - 1.0 : outputs[k] + spread * random.normal();
    drawn[k] = static_cast<float>(value);
    if (spread > 0.0) {
      const double scaled = (static_cast<double>(drawn[k]) - static_cast<double>(outputs[k])) / spread;
      log_probability += -0.5 * scaled * scaled - logarithm(spread) - kHalfLogTwoPi;
    }
  }
  log_probability = mixed(log_probability, -kLogBox, drawing_->epsilon);
}

void Rollout::choose(std::size_t car, const float* outputs, const Record& record, std::size_t row) {
  double* command = commands_.data() + 2 * car;
  double log_probability = 0.0;
  if (actions_.continuous()) {
    float drawn[2] = {outputs[0], outputs[1]};
    if (drawing_) draw_continuous(car, outputs, drawn, log_probability);
    for (std::size_t k = 0; k < 2; ++k) {
      const double share = (std::clamp(static_cast<double>(drawn[k]), -1.0, 1.0) + 1.0) / 2.0;
      command[k] = actions_.low[k] + share * (actions_.high[k] - actions_.low[k]);
    }
    if (record.drawn != nullptr) std::copy_n(drawn, 2, record.drawn + 2 * row);
  } else {
    const std::size_t chosen = drawing_ ? draw_discrete(car, outputs, log_probability)
                                        : greatest(outputs, policy_->outputs());
    std::copy_n(actions_.table.data() + 2 * chosen, 2, command);
    if (record.chosen != nullptr) record.chosen[row] = static_cast<std::int64_t>(chosen);
  }
  if (record.log_probabilities != nullptr) record.log_probabilities[row] = static_cast<float>(log_probability);
  if (record.commands != nullptr) std::copy_n(command, 2, record.commands + 2 * row);
}

std::size_t Rollout::begin_anew(const double* starts) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < cars(); ++i) {
    mask_[i] = world_->done[i] != 0;
    if (mask_[i]) starts_[i] = starts[used++];
  }
  world_->reset(mask_.get(), starts_.data());
  return used;
}

void Rollout::note(std::size_t from, std::size_t to, const std::vector<Policy::Source>& shown, std::size_t step,
                   const Record& record) {
  const std::size_t n = cars();
  const std::size_t count = policy_->outputs();
  for (std::size_t t = 0; t < record.observations.size(); ++t) {
    const std::size_t item = policy_->towers()[t].takes_bytes() ? 1 : sizeof(float);
    const auto* seen = static_cast<const std::uint8_t*>(shown[t].data);
    for (std::size_t k = from; k < to; ++k) {
      std::memcpy(record.observations[t] + (step * n + asked_[k]) * inputs_[t].bytes,
                  seen + (k - from) * shown[t].stride * item, inputs_[t].bytes);
    }
  }
  for (std::size_t k = from; k < to; ++k) {
    const std::size_t row = step * n + asked_[k];
    if (record.outputs != nullptr) std::copy_n(outputs_.data() + k * count, count, record.outputs + row * count);
    choose(asked_[k], outputs_.data() + k * count, record, row);
  }
}

void Rollout::act(std::size_t step, const Record& record) {
  const std::size_t asked = asked_.size();
  if (!policy_->shares_layers()) {
    crew_.share(asked, [&](std::size_t from, std::size_t to) {
      look(from, to);
      const std::vector<Policy::Source> shown = sources(from, to);
      policy_->forward(shown.data(), to - from, outputs_.data() + from * policy_->outputs());
      note(from, to, shown, step, record);
    });
    return;
  }
  look(0, asked);
  const std::vector<Policy::Source> shown = sources(0, asked);
  policy_->forward(shown.data(), asked, outputs_.data(), crew_);
  note(0, asked, shown, step, record);
}

Driven Rollout::drive(std::size_t steps, const Record& record, const Until& until) {
  const std::lock_guard guard(busy_);
  const std::size_t n = cars();
  for (std::size_t i = 0; i < until.start_count; ++i) {
    if (!(until.starts[i] >= 0.0 && until.starts[i] < 1.0)) {
      throw std::invalid_argument("a start is a fraction of the lap from 0 to less than 1");
    }
  }
  Driven driven;
  for (std::size_t step = 0; step < steps; ++step) {
    if (until.starts != nullptr && until.start_count - driven.starts < n) break;
    ask(until.all_done);
    act(step, record);
    for (const Record::Copy& copy : record.before) std::memcpy(copy.to + step * copy.bytes, copy.from, copy.bytes);
    world_->step(commands_.data());
    for (const Record::Copy& copy : record.after) std::memcpy(copy.to + step * copy.bytes, copy.from, copy.bytes);
    driven.steps += 1;
    const auto ended = static_cast<std::size_t>(std::count(world_->done.begin(), world_->done.end(), 1));
    driven.episodes += ended;
    if (ended > 0 && until.starts != nullptr) driven.starts += begin_anew(until.starts + driven.starts);
    if (until.all_done && ended == n) break;
    if (until.episodes > 0 && driven.episodes >= until.episodes && driven.steps * n >= until.least_steps) break;
  }
  return driven;
}

}  // namespace paddock
