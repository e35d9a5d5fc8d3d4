#include "ground.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "corner_batch.hpp"
#include "outlook.hpp"
#include "processor.hpp"

namespace paddock {
namespace {

constexpr std::size_t kBlock = 64;
constexpr float kMelting = 0.35f;
constexpr auto kDash = static_cast<std::uint8_t>(Layer::dash);

PADDOCK_INLINE std::int32_t height_at(const Outlook& f, const Lens& lens, float x, float y) {
  const float ahead = ahead_of(f, x, y);
  if (ahead < f.near_m) return lens.near_y;
  if (ahead > f.far_m) return lens.far_y;
  const float per_depth = f.focal / std::max(ahead * f.pitch_cosine + f.height_sine, 1e-3f);
  const float py = f.middle_y + (f.height_cosine - ahead * f.pitch_sine) * per_depth;
  const auto part = static_cast<std::int32_t>(std::min(std::max(py, 0.0f), 30000.0f) * 256.0f + 0.5f);
  return std::min(std::max(part, f.top), f.bottom);
}

// Whether a dash and its gap take less than kMelting of a pixel, so that pixels hold several.
PADDOCK_INLINE bool dashes_melt(const Outlook& f, const Scene::Pieces& pieces, std::size_t i, float nearest_m) {
  if (nearest_m < f.limit_m[1]) return false;
  const float dx = pieces.to_x[i] - pieces.from_x[i];
  const float dy = pieces.to_y[i] - pieces.from_y[i];
  const float ahead = std::abs(dx * f.cosine + dy * f.sine);
  const float left = std::abs(dy * f.cosine - dx * f.sine);
  const float rows = ahead * f.focal * f.height_m;
  const float columns = left * f.focal * nearest_m;
  return rows + columns < kMelting * pieces.dashes[i] * nearest_m * nearest_m;
}

// Pieces that are looked at together.
struct Block {
  std::size_t from = 0, count = 0;
  float nearest_m[kBlock];
  std::int32_t grade[kBlock];  // coarsest that moves no edge too far
  std::uint8_t seen[kBlock];
  std::uint8_t aside[kBlock + 1];  // wholly left of the picture; the first is the last piece of the block before
};

PADDOCK_INLINE void look_at(const Outlook& f, const Scene::Pieces& pieces, Block& b) {
  for (std::size_t k = 0; k < b.count; ++k) {
    const std::size_t i = b.from + k;
    const float ahead = ahead_of(f, pieces.x[i], pieces.y[i]);
    const float left = left_of(f, pieces.x[i], pieces.y[i]);
    const float radius = pieces.radius[i];
    const float side = (ahead * f.pitch_cosine + f.height_sine) * f.slope;
    const float reach = radius * f.leaning;
    const std::int32_t out = (ahead + radius < f.near_m) | (ahead - radius > f.far_m) | (-left - side >= reach);
    const std::int32_t aside = left - side >= reach;
    const float nearest_m = ahead - radius;
    b.nearest_m[k] = nearest_m;
    b.grade[k] = (nearest_m >= f.limit_m[1]) + (nearest_m >= f.limit_m[2]) + (nearest_m >= f.limit_m[3]);
    b.seen[k] = static_cast<std::uint8_t>(~(out | aside) & 1);
    b.aside[k + 1] = static_cast<std::uint8_t>(~out & aside & (pieces.layer[i] != kDash));
  }
}

// Of pieces left of the picture only the ends of their chain matter; dashes there have none.
PADDOCK_INLINE void add_aside(const Outlook& f, const Lens& lens, const Scene::Pieces& pieces, const Block& b,
                              GroundInk& ink) {
  std::uint8_t turns[kBlock];
  std::size_t count = 0;
  for (std::size_t k = 0; k < b.count; ++k) {
    turns[count] = static_cast<std::uint8_t>(k);
    count += (b.aside[k] ^ b.aside[k + 1]) | (b.aside[k + 1] & ~pieces.follows[b.from + k] & 1);
  }
  const auto end = [&](std::size_t i) {
    ink.choose(pieces.layer[i]);
    ink.left(height_at(f, lens, pieces.to_x[i], pieces.to_y[i]), -1);
  };
  for (std::size_t t = 0; t < count; ++t) {
    const std::size_t k = turns[t], i = b.from + k;
    if (b.aside[k] != 0) end(i - 1);
    if (b.aside[k + 1] == 0) continue;
    ink.choose(pieces.layer[i]);
    ink.left(height_at(f, lens, pieces.from_x[i], pieces.from_y[i]), 1);
  }
  if (b.from + b.count == pieces.size() && b.aside[b.count] != 0) end(pieces.size() - 1);
}

template <class DrawBatch>
PADDOCK_INLINE void add_seen(const Outlook& f, const Scene& scene, const Block& b, CornerBatch& batch,
                             const DrawBatch& draw_batch) {
  const auto& pieces = scene.pieces();
  std::uint8_t seen[kBlock];
  std::size_t count = 0;
  for (std::size_t k = 0; k < b.count; ++k) {
    seen[count] = static_cast<std::uint8_t>(k);
    count += b.seen[k];
  }
  for (std::size_t s = 0; s < count; ++s) {
    const std::size_t k = seen[s], i = b.from + k;
    std::uint8_t layer = pieces.layer[i];
    auto grade = static_cast<std::size_t>(b.grade[k]);
    if (layer == kDash) {
      const bool melt = dashes_melt(f, pieces, i, b.nearest_m[k]);
      if (melt) layer = static_cast<std::uint8_t>(Layer::strip);
      grade = melt ? kGrades - 1 : 0;
    }
    std::uint32_t first = pieces.first[i * kGrades + grade];
    const std::uint32_t end = pieces.first[i * kGrades + grade + 1];
    if (batch.count + (end - first) > CornerBatch::kMost) draw_batch(batch);
    for (; end - first > CornerBatch::kMost; first += CornerBatch::kMost - 1) {  // it goes on where a full batch ends
      batch.take(scene.corners(), first, CornerBatch::kMost, layer);
      batch.goes_on[CornerBatch::kMost - 1] = 0;
      draw_batch(batch);
    }
    batch.take(scene.corners(), first, end - first, layer);
  }
}

template <class DrawBatch>
PADDOCK_INLINE void draw_all(const Scene& scene, const View& view, const Outlook& f, GroundInk& ink,
                             const DrawBatch& draw_batch) {
  CornerBatch batch;
  Block block;
  block.aside[kBlock] = 0;
  for (; block.from < scene.pieces().size(); block.from += kBlock) {
    block.count = std::min(kBlock, scene.pieces().size() - block.from);
    block.aside[0] = block.aside[kBlock];
    look_at(f, scene.pieces(), block);
    add_aside(f, view.lens(), scene.pieces(), block, ink);
    add_seen(f, scene, block, batch, draw_batch);
  }
  draw_batch(batch);
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void draw_all_avx2(const Scene& scene, const View& view, const Outlook& f, GroundInk& ink) {
  draw_all(scene, view, f, ink, [&](CornerBatch& batch) { draw_side_by_side(ink, f, view.lens(), batch); });
}
#endif

}  // namespace

void draw_ground(const Scene& scene, const View& view, const Pose& base, GroundInk& ink) {
  const Outlook f = outlook_of(scene, view.lens(), base);
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return draw_all_avx2(scene, view, f, ink);
#endif
  draw_all(scene, view, f, ink, [&](CornerBatch& batch) { draw_plainly(ink, f, view.lens(), batch); });
}

}  // namespace paddock
