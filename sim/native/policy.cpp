#include "policy.hpp"

#include <algorithm>
#include <stdexcept>

#include "maths.hpp"

namespace paddock {
namespace {

constexpr std::size_t kBlock = 16;  // outputs summed side by side; each has a sum of its own, in the order of inputs
constexpr std::size_t kRows = 64;   // observations carried through all layers together

void activate(Activation activation, float* values, std::size_t count) {
  if (activation == Activation::tanh) {
    for (std::size_t i = 0; i < count; ++i) values[i] = tanh_f(values[i]);
  } else if (activation == Activation::relu) {
    for (std::size_t i = 0; i < count; ++i) values[i] = values[i] > 0.0f ? values[i] : 0.0f;
  }
}

}  // namespace

Dense::Dense(const float* weight, const float* bias, std::size_t inputs, std::size_t outputs, Activation activation)
    : inputs_(inputs), outputs_(outputs), width_((outputs + kBlock - 1) / kBlock * kBlock), activation_(activation) {
  if (inputs == 0 || outputs == 0) throw std::invalid_argument("a layer needs inputs and outputs");
  weight_.assign(inputs_ * width_, 0.0f);
  bias_.assign(width_, 0.0f);
  for (std::size_t o = 0; o < outputs; ++o) {
    bias_[o] = bias[o];
    for (std::size_t i = 0; i < inputs; ++i) weight_[i * width_ + o] = weight[o * inputs + i];
  }
}

// A sum begins with the bias and adds products in the order of inputs. Vector registers hold different outputs,
// never parts of one sum, so their width cannot change a bit.
void Dense::forward(const float* in, std::size_t in_width, std::size_t rows, float* out) const {
  for (std::size_t r = 0; r < rows; ++r) {
    const float* x = in + r * in_width;
    for (std::size_t block = 0; block < width_; block += kBlock) {
      float sum[kBlock];
      for (std::size_t o = 0; o < kBlock; ++o) sum[o] = bias_[block + o];
      const float* w = weight_.data() + block;
      for (std::size_t i = 0; i < inputs_; ++i, w += width_) {
        const float value = x[i];
        for (std::size_t o = 0; o < kBlock; ++o) sum[o] += value * w[o];
      }
      activate(activation_, sum, kBlock);
      std::copy(sum, sum + kBlock, out + r * width_ + block);
    }
  }
}

Policy::Policy(std::vector<Dense> layers) : layers_(std::move(layers)) {
  if (layers_.empty()) throw std::invalid_argument("a policy needs at least one layer");
  for (std::size_t i = 0; i + 1 < layers_.size(); ++i) {
    if (layers_[i].outputs() != layers_[i + 1].inputs()) {
      throw std::invalid_argument("the outputs of a layer are not the inputs of the next");
    }
  }
}

void Policy::forward(const float* in, std::size_t rows, float* out) const {
  std::size_t widest = 0;
  for (const Dense& layer : layers_) widest = std::max(widest, layer.width());
  std::vector<float> here(widest * kRows);
  std::vector<float> next(widest * kRows);
  for (std::size_t from = 0; from < rows; from += kRows) {
    const std::size_t count = std::min(kRows, rows - from);
    const float* source = in + from * inputs();
    std::size_t width = inputs();
    for (const Dense& layer : layers_) {
      layer.forward(source, width, count, next.data());
      here.swap(next);
      source = here.data();
      width = layer.width();
    }
    for (std::size_t r = 0; r < count; ++r) {
      std::copy(source + r * width, source + r * width + outputs(), out + (from + r) * outputs());
    }
  }
}

}  // namespace paddock
