// A network's forward pass with one order of summation, so that a policy gives the same bits wherever it acts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace paddock {

enum class Activation : std::uint8_t { linear, relu, tanh };

class Dense {
 public:
  // weight is (outputs, inputs) row by row, as torch keeps it.
  Dense(const float* weight, const float* bias, std::size_t inputs, std::size_t outputs, Activation activation);
  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }
  // rows of in: inputs() apart; rows of out: width() apart.
  void forward(const float* in, std::size_t in_width, std::size_t rows, float* out) const;
  std::size_t width() const { return width_; }

 private:
  std::size_t inputs_, outputs_, width_;  // width: outputs rounded up to the block
  Activation activation_;
  std::vector<float> weight_;             // (inputs, width), zeros beyond outputs
  std::vector<float> bias_;
};

class Policy {
 public:
  // Throws std::invalid_argument where a layer's inputs are not the outputs of the one before.
  explicit Policy(std::vector<Dense> layers);
  std::size_t inputs() const { return layers_.front().inputs(); }
  std::size_t outputs() const { return layers_.back().outputs(); }
  void forward(const float* in, std::size_t rows, float* out) const;

 private:
  std::vector<Dense> layers_;
};

}  // namespace paddock
