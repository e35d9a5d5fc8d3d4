#include "corner_batch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#ifdef PADDOCK_AVX2
#include <immintrin.h>
#endif

namespace paddock {
namespace {

PADDOCK_INLINE void project(const Outlook& f, CornerBatch& b) {
  constexpr std::size_t kAtOnce = CornerBatch::kAtOnce;
  const std::size_t padded = (b.count + kAtOnce - 1) / kAtOnce * kAtOnce;  // none goes on beyond count
  for (std::size_t k = b.count; k < padded; ++k) b.x[k] = b.y[k] = 0.0f, b.goes_on[k] = 0;
  b.ahead[padded] = 0.0f, b.at_x[padded] = b.at_y[padded] = 0;
  for (std::size_t k = 0; k < padded; ++k) {
    const float ahead = ahead_of(f, b.x[k], b.y[k]);
    const float left = left_of(f, b.x[k], b.y[k]);
    const float depth = std::max(ahead * f.pitch_cosine + f.height_sine, 1e-3f);
    const float per_depth = f.focal / depth;
    const float px = f.middle_x - left * per_depth;
    const float py = f.middle_y + (f.height_cosine - ahead * f.pitch_sine) * per_depth;
    const auto x = static_cast<std::int32_t>(std::min(std::max(px, -30000.0f), 30000.0f) * 256.0f + 0.5f);
    const auto y = static_cast<std::int32_t>(std::min(std::max(py, 0.0f), 30000.0f) * 256.0f + 0.5f);
    b.ahead[k] = ahead;
    b.at_x[k] = x;
    b.at_y[k] = std::min(std::max(y, f.top), f.bottom);
  }
}

// An edge that the picture shows a part of at most: cut at its nearest and farthest ground, then at its sides.
template <class Ink>
void add_cut_edge(Ink& ink, const Outlook& f, const Lens& lens, const CornerBatch& b, std::size_t k) {
  const float ahead_a = b.ahead[k];
  const float ahead_b = b.ahead[k + 1];
  double x[2], y[2];
  for (std::size_t end = 0; end < 2; ++end) {
    const float ahead = b.ahead[k + end];
    x[end] = b.at_x[k + end] * (1.0 / kPart);
    y[end] = b.at_y[k + end] * (1.0 / kPart);
    const bool nearer = ahead < f.near_m;
    if (!nearer && !(ahead > f.far_m)) continue;
    const double cut = nearer ? f.near_m : f.far_m;
    const double left_a = left_of(f, b.x[k], b.y[k]);
    const double left_b = left_of(f, b.x[k + 1], b.y[k + 1]);
    const double left = left_a + (cut - ahead_a) / (static_cast<double>(ahead_b) - ahead_a) * (left_b - left_a);
    x[end] = lens.middle_x - lens.focal * left / (cut * lens.cosine + lens.mount.height_m * lens.sine);
    y[end] = (nearer ? lens.near_y : lens.far_y) * (1.0 / kPart);
  }
  // Corners keep the height that other edges give them, so that no row is left open.
  add_line(ink, lens.size.width, lens.size.height, x[0], y[0], x[1], y[1]);
}

}  // namespace

void draw_plainly(GroundInk& ink, const Outlook& f, const Lens& lens, CornerBatch& b) {
  project(f, b);
  for (std::size_t k = 0; k < b.count; ++k) {
    if (!b.goes_on[k]) continue;
    ink.choose(b.layer[k]);
    const float from = b.ahead[k], to = b.ahead[k + 1];
    const int x0 = b.at_x[k], x1 = b.at_x[k + 1];
    if ((from < f.near_m && to < f.near_m) || (from > f.far_m && to > f.far_m)) continue;
    if (from >= f.near_m && to >= f.near_m && from <= f.far_m && to <= f.far_m) {
      if (x0 > f.right && x1 > f.right) continue;
      if (x0 < 0 && x1 < 0) {
        add_left_edge(ink, b.at_y[k], b.at_y[k + 1]);
        continue;
      }
      if (x0 >= 0 && x1 >= 0 && x0 <= f.right && x1 <= f.right) {
        add_edge(ink, x0, b.at_y[k], x1, b.at_y[k + 1]);
        continue;
      }
    }
    add_cut_edge(ink, f, lens, b, k);
  }
  b.count = 0;
}

#ifdef PADDOCK_AVX2
namespace {

constexpr std::size_t kInWord = 64;  // corners, and edges that leave them

// Edges that wait beside others, and where they will be added.
struct Desk {
  RowPieces& pieces;
  std::uint32_t* cells;
  std::ptrdiff_t stride;
  RowPieces::Ends ends;
  explicit Desk(GroundInk& ink) : pieces(ink.pieces), cells(ink.cells), stride(ink.stride), ends(ink.pieces.ends) {}
};

PADDOCK_INLINE void put_within_row(Desk& to, const std::int32_t* weights, std::int32_t x0, std::int32_t y0,
                                   std::int32_t x1, std::int32_t y1) {
  const std::int32_t row = std::min(y0, y1) >> 8;
  const std::int32_t height = std::abs(y1 - y0);
  const std::int32_t weight = y0 > y1 ? -weights[row] : weights[row];
  to.pieces.put(to.ends, to.cells, row * to.stride, weight, x0, x1, height, height, std::abs(x1 - x0));
}

// As add_edge goes through the rows; false where they are too many, with edges within a row still to come.
PADDOCK_INLINE bool put_over_rows(Desk& to, const std::int32_t* weights, std::int32_t x0, std::int32_t y0,
                                  std::int32_t x1, std::int32_t y1) {
  const std::int32_t rise = std::abs(y1 - y0), run = std::abs(x1 - x0);
  if (static_cast<std::size_t>((rise >> 8) + 2) + kInWord > to.ends.room()) return false;
  const bool up = y0 > y1;
  if (up) std::swap(x0, x1), std::swap(y0, y1);
  std::int32_t row = y0 >> 8;
  const std::int32_t last = (y1 - 1) >> 8;
  const auto put = [&](std::int32_t from, std::int32_t until, std::int32_t height) {
    const std::int32_t weight = up ? -weights[row] : weights[row];
    to.pieces.put(to.ends, to.cells, row * to.stride, weight, from, until, height, rise, run);
  };
  const auto slope = static_cast<std::int64_t>(static_cast<double>(x1 - x0) / rise * 65536.0);
  std::int64_t reached = (static_cast<std::int64_t>(x0) << 16) + slope * (((row + 1) << 8) - y0);
  auto x = static_cast<std::int32_t>(reached >> 16);
  put(x0, x, ((row + 1) << 8) - y0);
  for (++row; row < last; ++row) {
    reached += slope * kPart;
    const auto next = static_cast<std::int32_t>(reached >> 16);
    put(x, next, kPart);
    x = next;
  }
  put(x, x1, y1 - (last << 8));
  return true;
}

// Takes what add_line leaves of an edge, to be added beside others.
struct CutInk {
  GroundInk& ink;
  Desk& desk;
  void left(int y, int sign) { ink.left(y, sign); }
};
void add_edge(CutInk& cut, int x0, int y0, int x1, int y1) {
  if (y0 == y1) return;
  if (std::min(y0, y1) >> 8 == (std::max(y0, y1) - 1) >> 8) {
    put_within_row(cut.desk, cut.ink.weights, x0, y0, x1, y1);
  } else if (!put_over_rows(cut.desk, cut.ink.weights, x0, y0, x1, y1)) {
    add_edge(cut.ink, x0, y0, x1, y1);
  }
}

// A bit for each corner of a batch.
struct CornerBits {
  std::uint64_t words[CornerBatch::kMost / kInWord + 1];
  // The same of each corner's next.
  std::uint64_t next(std::size_t word) const { return words[word] >> 1 | words[word + 1] << 63; }
};

// What the corners and the edges that leave them are like.
struct Sorted {
  CornerBits nearer, farther, left, right;  // than what the picture shows
  CornerBits goes_on, flat, in_one_row;
};

template <class Each>
PADDOCK_INLINE void for_each(std::uint64_t bits, std::size_t word, const Each& each) {
  for (; bits != 0; bits &= bits - 1) each(word * kInWord + static_cast<std::size_t>(std::countr_zero(bits)));
}

PADDOCK_AVX2 inline std::uint64_t bits_of(__m256 mask) { return static_cast<std::uint64_t>(_mm256_movemask_ps(mask)); }
PADDOCK_AVX2 inline std::uint64_t bits_of(__m256i mask) { return bits_of(_mm256_castsi256_ps(mask)); }
PADDOCK_AVX2 inline __m256i read(const std::int32_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

PADDOCK_AVX2 inline void sort(const Outlook& f, const CornerBatch& b, Sorted& s) {
  const __m256 near_m = _mm256_set1_ps(f.near_m), far_m = _mm256_set1_ps(f.far_m);
  const __m256i edge = _mm256_set1_epi32(f.right), one = _mm256_set1_epi32(1);
  const std::size_t words = (b.count + kInWord - 1) / kInWord;
  for (std::size_t word = 0; word < words; ++word) {
    std::uint64_t nearer = 0, farther = 0, left = 0, right = 0, goes_on = 0, flat = 0, in_one_row = 0;
    const std::size_t from = kInWord * word;
    const std::size_t count = std::min(kInWord, b.count - from);
    for (std::size_t k = 0; k < count; k += CornerBatch::kAtOnce) {
      const __m256 ahead = _mm256_load_ps(b.ahead + from + k);
      const __m256i x = read(b.at_x + from + k), y = read(b.at_y + from + k), next_y = read(b.at_y + from + k + 1);
      const __m256i first_row = _mm256_srai_epi32(_mm256_min_epi32(y, next_y), 8);
      const __m256i last_row = _mm256_srai_epi32(_mm256_sub_epi32(_mm256_max_epi32(y, next_y), one), 8);
      std::uint64_t bytes;
      std::memcpy(&bytes, b.goes_on + from + k, sizeof bytes);
      nearer |= bits_of(_mm256_cmp_ps(ahead, near_m, _CMP_LT_OQ)) << k;
      farther |= bits_of(_mm256_cmp_ps(ahead, far_m, _CMP_GT_OQ)) << k;
      left |= bits_of(x) << k;
      right |= bits_of(_mm256_cmpgt_epi32(x, edge)) << k;
      flat |= bits_of(_mm256_cmpeq_epi32(y, next_y)) << k;
      in_one_row |= bits_of(_mm256_cmpeq_epi32(first_row, last_row)) << k;
      goes_on |= (bytes * 0x0102040810204080 >> 56) << k;  // the lowest bit of each byte
    }
    s.nearer.words[word] = nearer, s.farther.words[word] = farther;
    s.left.words[word] = left, s.right.words[word] = right;
    s.goes_on.words[word] = goes_on, s.flat.words[word] = flat, s.in_one_row.words[word] = in_one_row;
  }
  s.nearer.words[words] = s.farther.words[words] = s.left.words[words] = s.right.words[words] = 0;
}

}  // namespace

PADDOCK_AVX2 void draw_side_by_side(GroundInk& ink, const Outlook& f, const Lens& lens, CornerBatch& b) {
  project(f, b);
  Sorted s;
  sort(f, b, s);
  const std::int32_t* weights[kLayers];
  for (std::size_t k = 0; k < kLayers; ++k) weights[k] = ink.view.layer(k);
  std::uint64_t before = 0;  // whether the last edge lay left of the picture
  for (std::size_t word = 0; word * kInWord < b.count; ++word) {
    if (ink.pieces.ends.room() < RowPieces::kMost / 2) ink.pieces.add_all(ink.cells);
    const std::uint64_t goes_on = s.goes_on.words[word];
    const std::uint64_t nearer = s.nearer.words[word], next_nearer = s.nearer.next(word);
    const std::uint64_t farther = s.farther.words[word], next_farther = s.farther.next(word);
    const std::uint64_t left = s.left.words[word], next_left = s.left.next(word);
    const std::uint64_t right = s.right.words[word], next_right = s.right.next(word);
    const std::uint64_t deep = ~(nearer | next_nearer | farther | next_farther);
    const std::uint64_t inside = goes_on & deep & ~(left | next_left | right | next_right);
    const std::uint64_t aside = goes_on & deep & left & next_left;
    const std::uint64_t unseen = (nearer & next_nearer) | (farther & next_farther) | (deep & right & next_right);
    const std::uint64_t drawn = inside & ~s.flat.words[word];
    Desk desk(ink);
    for_each(drawn & s.in_one_row.words[word], word, [&](std::size_t k) {
      put_within_row(desk, weights[b.layer[k]], b.at_x[k], b.at_y[k], b.at_x[k + 1], b.at_y[k + 1]);
    });
    for_each(drawn & ~s.in_one_row.words[word], word, [&](std::size_t k) {
      if (put_over_rows(desk, weights[b.layer[k]], b.at_x[k], b.at_y[k], b.at_x[k + 1], b.at_y[k + 1])) return;
      ink.choose(b.layer[k]);
      add_edge(ink, b.at_x[k], b.at_y[k], b.at_x[k + 1], b.at_y[k + 1]);
    });
    // Of edges left of the picture only the ends of their chain matter.
    const std::uint64_t were_aside = aside << 1 | before;
    before = aside >> 63;
    for_each(aside & ~were_aside, word, [&](std::size_t k) {
      ink.choose(b.layer[k]);
      ink.left(b.at_y[k], 1);
    });
    for_each(were_aside & ~aside, word, [&](std::size_t k) {
      ink.choose(b.layer[k - 1]);
      ink.left(b.at_y[k], -1);
    });
    Desk desk_of_cuts = desk;
    for_each(goes_on & ~(inside | aside | unseen), word, [&](std::size_t k) {
      ink.choose(b.layer[k]);
      CutInk cut{ink, desk_of_cuts};
      add_cut_edge(cut, f, lens, b, k);
    });
    ink.pieces.ends = desk_of_cuts.ends;
  }
  ink.pieces.add_all(ink.cells);
  b.count = 0;
}
#endif

}  // namespace paddock
