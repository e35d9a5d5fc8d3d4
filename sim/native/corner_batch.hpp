// Corners of what lies on the ground, which wait to be projected, and the edges between them to be drawn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "easel.hpp"
#include "outlook.hpp"
#include "processor.hpp"
#include "scene.hpp"
#include "view.hpp"

namespace paddock {

struct CornerBatch {
  static constexpr std::size_t kMost = 256;
  static constexpr std::size_t kAtOnce = 8;
  static_assert(Scene::Corners::kBeyond >= kAtOnce);
  std::size_t count = 0;

  // There must be room.
  PADDOCK_INLINE void take(const Scene::Corners& corners, std::size_t first, std::size_t number,
                           std::uint8_t of_layer) {
    for (std::size_t k = 0; k < number; k += kAtOnce) {
      std::memcpy(x + count + k, corners.x.data() + first + k, sizeof(float) * kAtOnce);
      std::memcpy(y + count + k, corners.y.data() + first + k, sizeof(float) * kAtOnce);
      std::memcpy(goes_on + count + k, corners.goes_on.data() + first + k, kAtOnce);
      std::memset(layer + count + k, of_layer, kAtOnce);
    }
    count += number;
  }

  static constexpr std::size_t kRoom = kMost + 2 * kAtOnce;  // whole registers are written, and looked back at
  alignas(32) float x[kRoom], y[kRoom];
  std::uint8_t goes_on[kRoom];                   // whether an edge leads to the next
  std::uint8_t layer[kRoom];                     // of that edge
  alignas(32) float ahead[kRoom];                // of the lens
  alignas(32) std::int32_t at_x[kRoom], at_y[kRoom];  // in the picture, in parts; wrong where it does not show them
};

// Both draw the batch's edges, to the bit the same, and leave it empty.
void draw_plainly(GroundInk& ink, const Outlook& f, const Lens& lens, CornerBatch& b);
#ifdef PADDOCK_AVX2
void draw_side_by_side(GroundInk& ink, const Outlook& f, const Lens& lens, CornerBatch& b);
#endif

}  // namespace paddock
