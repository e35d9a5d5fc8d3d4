// What one picture is summed up on. It is clean again after each picture, so the next costs no clearing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "coverage.hpp"
#include "row_pieces.hpp"
#include "view.hpp"

namespace paddock {

inline constexpr std::size_t kWeights = kLayers + kWallShades;

class Easel {
 public:
  void fit(const PictureSize& size);

  std::ptrdiff_t stride = 0;                 // of ground and solid, in cells
  std::ptrdiff_t words = 0;                  // of touched, per row
  std::vector<std::uint32_t> ground;         // greys; RowPieces::kBeyond more than the rows have
  std::array<LeftEnds, kWeights> left;       // of the picture
  RowPieces pieces;
  std::vector<std::int64_t> solid;           // of one solid: how much it covers, and with what greys, 1 << 32 each
  std::vector<std::uint64_t> touched;        // columns of `solid` that hold something, a bit each
  LeftEnds left_cover, left_grey;
  std::array<std::vector<std::uint8_t>, 2> eyes;  // their pictures, before they are woven together

 private:
  PictureSize size_{0, 0};
};

// Takes edges of what lies on the ground, or behind everything on it.
struct GroundInk {
  std::uint32_t* cells;
  std::ptrdiff_t stride;
  std::array<LeftEnds, kWeights>& ends;
  RowPieces& pieces;                         // added by whoever puts some
  const View& view;
  const std::int32_t* weights = nullptr;
  std::size_t layer = 0;
  void choose(std::size_t k) {
    layer = k;
    weights = view.layer(k);
  }
  WeightedRow row(int r, int sign) const { return {cells + r * stride, static_cast<std::uint32_t>(sign * weights[r])}; }
  void left(int y, int sign) { ends[layer].add(y, sign); }
};

}  // namespace paddock
