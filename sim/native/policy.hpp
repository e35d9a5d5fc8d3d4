// A network's forward pass with one order of summation, so that a policy gives the same bits wherever it acts.
//
// Each input has a tower of its own: layers over pictures first, then dense ones. What the towers give stands side by
// side, in their order, and goes through the trunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "layers.hpp"

namespace paddock {

class Crew;

struct Tower {
  Grid in;
  float divisor = 0.0f;  // of a picture's bytes; 0: the input is floats
  std::vector<PictureLayer> picture;
  std::vector<Dense> dense;

  bool takes_bytes() const { return divisor != 0.0f; }
  std::size_t flat() const;  // numbers behind the layers over pictures
  std::size_t outputs() const { return dense.empty() ? flat() : dense.back().outputs(); }
};

class Policy {
 public:
  // Throws std::invalid_argument where a layer's inputs are not the outputs of what is before it.
  Policy(std::vector<Tower> towers, std::vector<Dense> trunk);

  // Rows of one input: floats or bytes as its tower takes them, `stride` of them from row to row.
  struct Source {
    const void* data;
    std::size_t stride;
  };
  const std::vector<Tower>& towers() const { return towers_; }
  std::size_t outputs() const;
  // One source for each tower; out is (rows, outputs).
  void forward(const Source* sources, std::size_t rows, float* out) const;
  // The same, shared among threads: rows, and the outputs of layers whose weights are many.
  void forward(const Source* sources, std::size_t rows, float* out, Crew& crew) const;
  // Whether more than rows are shared, so that all of them have to be there together.
  bool shares_layers() const { return shares_layers_; }

  struct Extent {
    std::size_t picture = 0;  // most numbers of a picture between layers
    std::size_t padded = 0;   // most numbers of a padded one
  };

 private:
  void notice(const Dense& layer);
  void go(const Source* sources, std::size_t rows, float* out, Crew* crew) const;

  std::vector<Tower> towers_;
  std::vector<Dense> trunk_;
  std::size_t joined_ = 0;        // numbers side by side before the trunk
  std::size_t widest_flat_ = 0;   // most numbers behind the layers over pictures of a tower
  std::size_t widest_dense_ = 0;  // most outputs of a dense layer
  Extent extent_;
  bool shares_layers_ = false;
};

}  // namespace paddock
