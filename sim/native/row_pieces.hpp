// Pieces of edges within rows, which wait until eight can be added side by side. What comes of each is to the bit what
// add_piece of coverage.hpp makes of it alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "coverage.hpp"
#include "processor.hpp"

#ifdef PADDOCK_AVX2
#include <immintrin.h>
#endif

namespace paddock {

struct WeightedRow {  // of a picture's cells
  std::uint32_t* at;
  std::uint32_t weight;
  void touch(int, int) const {}
  void add(int column, int area) const { at[column] += weight * static_cast<std::uint32_t>(area); }
};

class RowPieces {
 public:
  static constexpr std::size_t kMost = 512;
  static constexpr std::size_t kBeyond = 8;  // cells right of an edge that adding it touches, if only with nothing

  // From the start on are those that pass few borders of columns, from the end back those that pass more.
  struct Ends {
    std::size_t narrow = 0, wide = kMost;
    std::size_t room() const { return wide - narrow; }
  };
  Ends ends;  // whoever puts many keeps them in registers meanwhile

  // Of an edge of a height and width (`rise`, `run`) in parts the piece from x0 to x1 over `height` of the row whose
  // first cell is `first`. The weight has the edge's sign. There must be room, and add_all() with the same cells before
  // they are read.
  PADDOCK_INLINE void put(Ends& at, std::uint32_t* cells, std::ptrdiff_t first, std::int32_t weight, std::int32_t x0,
                          std::int32_t x1, std::int32_t height, std::int32_t rise, std::int32_t run) {
    const std::int32_t left = std::min(x0, x1);
    const std::int32_t right = std::max(x0, x1);
    const std::int32_t passed = (right >> 8) - (left >> 8);
    if (passed > kWide) {
      const auto steep = static_cast<std::int64_t>(static_cast<double>(rise * kPart) / run * (1 << (kSteepBits - 8)));
      add_piece(WeightedRow{cells + first, static_cast<std::uint32_t>(weight)}, left, right, height, steep);
      return;
    }
    const std::size_t is_wide = passed > kNarrow;
    at.wide -= is_wide;
    const std::size_t k = is_wide ? at.wide : at.narrow;
    at.narrow += 1 - is_wide;
    left_[k] = left;
    right_[k] = right;
    height_[k] = height;
    rise_[k] = rise;
    run_[k] = run;
    weight_[k] = weight;
    cell_[k] = static_cast<std::int32_t>(first) + (left >> 8);
  }

#ifdef PADDOCK_AVX2
  PADDOCK_AVX2 void add_all(std::uint32_t* cells) {
    add<kNarrow>(cells, 0, ends.narrow);
    add<kWide>(cells, ends.wide, kMost);
    ends = {};
  }

 private:
  typedef std::int32_t Ints __attribute__((vector_size(32)));

  PADDOCK_AVX2 static Ints read(const std::int32_t* from) {
    return (Ints)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  PADDOCK_AVX2 static void write(Ints values, std::int32_t* to) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), (__m256i)values);
  }
  PADDOCK_AVX2 static Ints lesser(Ints a, Ints b) { return (Ints)_mm256_min_epi32((__m256i)a, (__m256i)b); }
  PADDOCK_AVX2 static Ints product(Ints a, Ints b) { return (Ints)_mm256_mullo_epi32((__m256i)a, (__m256i)b); }

  // How far edges rise per part across, times 1 << kSteepBits; at most 512 parts: such an edge is at most one part wide
  // within a row, where steeper makes no difference, and products stay below 1 << 31.
  PADDOCK_AVX2 static __m128i steepness(const std::int32_t* rise, const std::int32_t* run) {
    const __m128i across = _mm_max_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(run)), _mm_set1_epi32(1));
    const __m128i up = _mm_slli_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rise)), 8);
    const __m256d quotient = _mm256_div_pd(_mm256_cvtepi32_pd(up), _mm256_cvtepi32_pd(across));
    const __m256d scaled = _mm256_mul_pd(quotient, _mm256_set1_pd(1 << (kSteepBits - 8)));
    return _mm256_cvttpd_epi32(_mm256_min_pd(scaled, _mm256_set1_pd(512.0 * (1 << kSteepBits))));
  }

  template <int kPassed>
  PADDOCK_AVX2 void add(std::uint32_t* cells, std::size_t from, std::size_t to) {
    for (; from < to; from += kAtOnce) {
      const Ints left = read(left_ + from), right = read(right_ + from), height = read(height_ + from);
      const Ints weight = read(weight_ + from);
      const Ints steep = (Ints)_mm256_set_m128i(steepness(rise_ + from + 4, run_ + from + 4),
                                                steepness(rise_ + from, run_ + from));
      alignas(32) std::int32_t added[kPassed + 2][kAtOnce];
      Ints begin = (left >> 8) << 8;  // of the column
      Ints done{};                    // height reached there
      Ints over{};                    // what the column before leaves for this one
      for (int column = 0; column <= kPassed; ++column) {
        const Ints edge = begin + kPart;
        Ints now = height;
        if (column < kPassed) {
          const Ints reached = product(edge - left, steep) >> kSteepBits;
          now = right < edge ? height : lesser(reached, height);
        }
        const Ints part = now - done;
        const Ints across = product(part, lesser(right, edge) - begin + (column == 0 ? left - begin : Ints{}));
        write(product(over + part * (2 * kPart) - across, weight), added[column]);
        over = across;
        done = now;
        begin = edge;
      }
      write(product(over, weight), added[kPassed + 1]);
      const std::size_t count = std::min(kAtOnce, to - from);
      for (std::size_t k = 0; k < count; ++k) {
        std::uint32_t* at = cells + cell_[from + k];
        for (int column = 0; column < kPassed + 2; ++column) at[column] += static_cast<std::uint32_t>(added[column][k]);
      }
    }
  }
#endif

 private:
  static constexpr int kNarrow = 2, kWide = 6;  // borders of columns that a piece passes
  static constexpr std::size_t kAtOnce = 8;
  static constexpr std::size_t kRoom = kMost + kAtOnce;  // whole registers are read

  alignas(32) std::int32_t left_[kRoom]{}, right_[kRoom]{};  // in parts of a pixel
  alignas(32) std::int32_t height_[kRoom]{}, rise_[kRoom]{}, run_[kRoom]{}, weight_[kRoom]{};
  std::int32_t cell_[kRoom]{};
};

}  // namespace paddock
