// Dense layers one after the other as a small network learns: what they give, and gradients of what they were made of.
// Sums are in the order of layers.hpp, so that neither wide registers nor the size of a batch change a bit.
#pragma once

#include <cstddef>
#include <vector>

#include "layers.hpp"

namespace paddock {

// weight is (outputs, inputs) row by row, as torch keeps it. With Activation::linear nothing stands behind a layer.
struct ChainLayer {
  const float* weight;
  const float* bias;
  std::size_t inputs, outputs;
  Activation activation;
};

// `given` has room for what each layer gives, (rows, outputs) each.
void chain_forward(const std::vector<ChainLayer>& layers, const float* in, std::size_t rows,
                   const std::vector<float*>& given);

// From the gradient of what the last layer gives, (rows, outputs), to those of each layer's weight and bias, and of `in`
// where `in_gradient` is not null. `given` is what chain_forward wrote.
void chain_backward(const std::vector<ChainLayer>& layers, const float* in, std::size_t rows,
                    const std::vector<const float*>& given, const float* gradient,
                    const std::vector<float*>& weight_gradients, const std::vector<float*>& bias_gradients,
                    float* in_gradient);

}  // namespace paddock
