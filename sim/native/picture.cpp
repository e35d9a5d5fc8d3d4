#include "picture.hpp"

#include <algorithm>
#include <cstring>

#include "ground.hpp"
#include "processor.hpp"
#include "standing.hpp"

#ifdef PADDOCK_AVX2
#include <immintrin.h>
#endif

namespace paddock {
namespace {

constexpr std::int32_t kHalf = kWhole / 2;

// Takes the ends left of the picture into its first column.
void add_left_ends(GroundInk& ink, const View& view) {
  const int height = view.lens().size.height;
  for (std::size_t k = 0; k < kWeights; ++k) {
    std::int32_t sum = 0;
    const std::int32_t* weights = view.layer(k);
    ink.ends[k].take([&](int row, std::int32_t step) {
      sum += step;
      if (row >= height) return;
      ink.cells[row * ink.stride] += static_cast<std::uint32_t>(weights[row]) * static_cast<std::uint32_t>(sum * 2 * kPart);
    });
  }
}

// Rows where nothing has been drawn.
void leave_empty(const std::int32_t* base, int rows, int width, std::uint8_t* out) {
  for (int row = 0; row < rows; ++row) {
    std::memset(out + static_cast<std::ptrdiff_t>(row) * width, base[row], static_cast<std::size_t>(width));
  }
}

// Sums each row from left to right into greys, and leaves the cells clean.
void resolve_plainly(std::uint32_t* cells, std::ptrdiff_t stride, const std::int32_t* base, int from,
                     const PictureSize& size, std::uint8_t* out) {
  const int width = size.width;
  for (int row = from; row < size.height; ++row) {
    std::uint32_t* at = cells + row * stride;
    std::uint8_t* to = out + static_cast<std::ptrdiff_t>(row) * width;
    std::uint32_t sum = static_cast<std::uint32_t>(base[row] * kWhole + kHalf);
    for (int column = 0; column < width; ++column) {
      sum += at[column];
      at[column] = 0;
      to[column] = static_cast<std::uint8_t>(std::clamp(static_cast<std::int32_t>(sum) >> kWholeBits, 0, 255));
    }
    at[width] = at[width + 1] = at[width + 2] = 0;
  }
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 inline __m256i running_sums(__m256i cells) {
  cells = _mm256_add_epi32(cells, _mm256_slli_si256(cells, 4));
  cells = _mm256_add_epi32(cells, _mm256_slli_si256(cells, 8));
  const __m256i lower = _mm256_permute2x128_si256(cells, cells, 0x08);  // the lower half, above nothing
  return _mm256_add_epi32(cells, _mm256_shuffle_epi32(lower, 0xFF));
}

// Sixteen pixels of one grey.
PADDOCK_AVX2 inline __m128i level(__m256i sum) {
  const __m128i grey = _mm256_castsi256_si128(_mm256_srai_epi32(sum, kWholeBits));
  const __m128i words = _mm_packs_epi32(grey, grey);
  return _mm_packus_epi16(words, words);
}

PADDOCK_AVX2 void resolve_avx2(std::uint32_t* cells, std::ptrdiff_t stride, const std::int32_t* base, int from,
                               const PictureSize& size, std::uint8_t* out) {
  const __m256i last = _mm256_set1_epi32(7);
  const __m256i zero = _mm256_setzero_si256();
  const int width = size.width;
  for (int row = from; row < size.height; ++row) {
    std::uint32_t* at = cells + row * stride;
    std::uint8_t* to = out + static_cast<std::ptrdiff_t>(row) * width;
    __m256i sum = _mm256_set1_epi32(base[row] * kWhole + kHalf);
    __m128i unchanged = level(sum);
    int column = 0;
    for (; column + 16 <= width; column += 16) {
      auto* here = reinterpret_cast<__m256i*>(at + column);
      const __m256i a = _mm256_loadu_si256(here);
      const __m256i b = _mm256_loadu_si256(here + 1);
      const __m256i any = _mm256_or_si256(a, b);
      if (_mm256_testz_si256(any, any)) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + column), unchanged);
        continue;
      }
      _mm256_storeu_si256(here, zero);
      _mm256_storeu_si256(here + 1, zero);
      const __m256i first = running_sums(a);
      const __m256i second = _mm256_add_epi32(running_sums(b), _mm256_permutevar8x32_epi32(first, last));
      const __m256i low = _mm256_srai_epi32(_mm256_add_epi32(first, sum), kWholeBits);
      const __m256i high = _mm256_srai_epi32(_mm256_add_epi32(second, sum), kWholeBits);
      sum = _mm256_add_epi32(sum, _mm256_permutevar8x32_epi32(second, last));
      unchanged = level(sum);
      const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
      const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + column), bytes);
    }
    if (column + 8 <= width) {
      auto* here = reinterpret_cast<__m256i*>(at + column);
      const __m256i sums = _mm256_add_epi32(running_sums(_mm256_loadu_si256(here)), sum);
      _mm256_storeu_si256(here, zero);
      sum = _mm256_permutevar8x32_epi32(sums, last);
      const __m256i grey = _mm256_srai_epi32(sums, kWholeBits);
      const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(grey), _mm256_extracti128_si256(grey, 1));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to + column), _mm_packus_epi16(words, words));
      column += 8;
    }
    auto rest = static_cast<std::uint32_t>(_mm256_extract_epi32(sum, 0));
    for (; column < width; ++column) {
      rest += at[column];
      at[column] = 0;
      to[column] = static_cast<std::uint8_t>(std::clamp(static_cast<std::int32_t>(rest) >> kWholeBits, 0, 255));
    }
    at[width] = at[width + 1] = at[width + 2] = 0;
  }
}

#endif

void resolve(Easel& easel, const std::int32_t* base, int from, const PictureSize& size, std::uint8_t* out) {
  leave_empty(base, from, size.width, out);
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return resolve_avx2(easel.ground.data(), easel.stride, base, from, size, out);
#endif
  resolve_plainly(easel.ground.data(), easel.stride, base, from, size, out);
}

}  // namespace

void Easel::fit(const PictureSize& size) {
  if (size.width == size_.width && size.height == size_.height) return;
  size_ = size;
  stride = (size.width + 3 + 7) / 8 * 8;
  words = (size.width + 3 + 63) / 64;
  const auto rows = static_cast<std::size_t>(size.height);
  ground.assign(rows * static_cast<std::size_t>(stride) + RowPieces::kBeyond, 0);
  solid.assign(rows * static_cast<std::size_t>(stride), 0);
  touched.assign(rows * static_cast<std::size_t>(words), 0);
  for (LeftEnds& ends : left) ends.steps.assign(rows + 2, 0);
  left_cover.steps.assign(rows + 2, 0);
  left_grey.steps.assign(rows + 2, 0);
  for (auto& eye : eyes) eye.assign(rows * static_cast<std::size_t>(size.width), 0);
}

void draw(const Scene& scene, const View& view, const Pose& base, std::span<const Solid> solids, Easel& easel,
          std::uint8_t* out) {
  const PictureSize& size = view.lens().size;
  easel.fit(size);
  GroundInk ink{easel.ground.data(), easel.stride, easel.left, easel.pieces, view};
  draw_ground(scene, view, base, ink);
  const int top = std::min(view.lens().far_y / kPart, draw_far_walls(scene, view, base, ink));
  add_left_ends(ink, view);
  resolve(easel, view.base(), top, size, out);
  draw_solids(view, base, solids, easel, out);
  draw_near_walls(scene, view, base, easel, out);
}

}  // namespace paddock
