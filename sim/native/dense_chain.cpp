#include "dense_chain.hpp"

#include <algorithm>

namespace paddock {
namespace {

// Rows of (rows, inputs) times (inputs, outputs), plus a bias.
void multiply(const float* in, std::size_t rows, const float* weight, const float* bias, std::size_t inputs,
              std::size_t outputs, Activation activation, float* out) {
  const Dense layer(weight, bias, inputs, outputs, activation, Numbers::any);
  layer.forward(in, inputs, rows, out, outputs, 0, layer.panels());
}

// In squares, so that neither side jumps through the caches.
std::vector<float> transposed(const float* from, std::size_t rows, std::size_t columns) {
  constexpr std::size_t kSide = 16;
  std::vector<float> to(rows * columns);
  for (std::size_t top = 0; top < rows; top += kSide) {
    const std::size_t bottom = std::min(rows, top + kSide);
    for (std::size_t left = 0; left < columns; left += kSide) {
      const std::size_t right = std::min(columns, left + kSide);
      for (std::size_t c = left; c < right; ++c) {
        for (std::size_t r = top; r < bottom; ++r) to[c * rows + r] = from[r * columns + c];
      }
    }
  }
  return to;
}

// The gradient before an activation that gave these numbers.
void pass_activation(Activation activation, const float* given, std::vector<float>& gradient) {
  if (activation == Activation::tanh) {
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] *= 1.0f - given[i] * given[i];
  } else if (activation == Activation::relu) {
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = given[i] > 0.0f ? gradient[i] : 0.0f;
  }
}

}  // namespace

void chain_forward(const std::vector<ChainLayer>& layers, const float* in, std::size_t rows,
                   const std::vector<float*>& given) {
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const ChainLayer& layer = layers[l];
    const std::vector<float> weight = transposed(layer.weight, layer.outputs, layer.inputs);
    multiply(in, rows, weight.data(), layer.bias, layer.inputs, layer.outputs, layer.activation, given[l]);
    in = given[l];
  }
}

void chain_backward(const std::vector<ChainLayer>& layers, const float* in, std::size_t rows,
                    const std::vector<const float*>& given, const float* gradient,
                    const std::vector<float*>& weight_gradients, const std::vector<float*>& bias_gradients,
                    float* in_gradient) {
  std::vector<float> here(gradient, gradient + rows * layers.back().outputs);
  std::size_t widest = rows;
  for (const ChainLayer& layer : layers) widest = std::max({widest, layer.inputs, layer.outputs});
  const std::vector<float> zeros(widest, 0.0f);
  for (std::size_t l = layers.size(); l-- > 0;) {
    const ChainLayer& layer = layers[l];
    pass_activation(layer.activation, given[l], here);
    float* bias = bias_gradients[l];
    std::fill_n(bias, layer.outputs, 0.0f);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t o = 0; o < layer.outputs; ++o) bias[o] += here[r * layer.outputs + o];
    }
    const float* seen = l == 0 ? in : given[l - 1];
    const std::vector<float> by_output = transposed(here.data(), rows, layer.outputs);
    multiply(by_output.data(), layer.outputs, seen, zeros.data(), rows, layer.inputs, Activation::linear,
             weight_gradients[l]);
    if (l == 0 && in_gradient == nullptr) return;
    std::vector<float> before(rows * layer.inputs);
    multiply(here.data(), rows, layer.weight, zeros.data(), layer.outputs, layer.inputs, Activation::linear,
             before.data());
    here = std::move(before);
  }
  std::copy(here.begin(), here.end(), in_gradient);
}

}  // namespace paddock
