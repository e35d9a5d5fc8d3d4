#include "ground.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "maths.hpp"
#include "processor.hpp"

namespace paddock {
namespace {

constexpr std::size_t kBlock = 64;
constexpr float kMelting = 0.35f;
constexpr double kFinest = 0.1;     // of a pixel: how far a coarser grade may move an edge

// The lens over the ground, in single precision and from the middle of the scene.
struct Outlook {
  float x, y, sine, cosine;             // where the lens is and looks
  float pitch_sine, pitch_cosine, height_sine, height_cosine;
  float focal, middle_x, middle_y, height_m;
  float near_m, far_m;
  float slope, leaning;                 // of the picture's side edges over the ground
  float limit_m[kGrades];
  std::int32_t right, bottom, top;      // of the picture's ground, in parts
};

Outlook outlook_of(const Scene& scene, const Lens& lens, const Pose& base) {
  const SinCos yaw = sincos(base.yaw);
  const Mount& m = lens.mount;
  const double x = base.x + m.forward_m * yaw.cosine - m.side_m * yaw.sine - scene.origin().x;
  const double y = base.y + m.forward_m * yaw.sine + m.side_m * yaw.cosine - scene.origin().y;
  Outlook f;
  const auto single = [](double value) { return static_cast<float>(value); };
  f.x = single(x), f.y = single(y);
  f.sine = single(yaw.sine * lens.yaw_cosine + yaw.cosine * lens.yaw_sine);
  f.cosine = single(yaw.cosine * lens.yaw_cosine - yaw.sine * lens.yaw_sine);
  f.pitch_sine = single(lens.sine), f.pitch_cosine = single(lens.cosine);
  f.height_sine = single(m.height_m * lens.sine), f.height_cosine = single(m.height_m * lens.cosine);
  f.focal = single(lens.focal), f.middle_x = single(lens.middle_x), f.middle_y = single(lens.middle_y);
  f.height_m = single(m.height_m);
  f.near_m = single(lens.near_m), f.far_m = single(lens.far_m);
  f.slope = single(lens.middle_x / lens.focal);
  f.leaning = single(std::sqrt(1.0 + lens.cosine * lens.cosine * lens.middle_x * lens.middle_x / (lens.focal * lens.focal)));
  for (std::size_t g = 0; g < kGrades; ++g) f.limit_m[g] = single(kGrade_m[g] * lens.focal / kFinest);
  f.limit_m[0] = 0.0f;
  f.right = lens.size.width * kPart;
  f.bottom = lens.near_y;
  f.top = lens.far_y;
  return f;
}

PADDOCK_INLINE float ahead_of(const Outlook& f, float x, float y) { return (x - f.x) * f.cosine + (y - f.y) * f.sine; }
PADDOCK_INLINE float left_of(const Outlook& f, float x, float y) { return (y - f.y) * f.cosine - (x - f.x) * f.sine; }

// Corners that wait to be projected, and where in the picture they are: in parts, wrong where not `inside`.
struct Batch {
  static constexpr std::size_t kMost = 256;
  std::size_t count = 0;
  alignas(32) float x[kMost], y[kMost];
  alignas(32) float ahead[kMost];
  alignas(32) std::int32_t at_x[kMost], at_y[kMost];
  alignas(32) std::int32_t inside[kMost];
  std::uint8_t goes_on[kMost];
  std::uint8_t layer[kMost];  // of the edge that leaves a corner
};

PADDOCK_INLINE void project(const Outlook& f, Batch& b) {
  const std::size_t padded = (b.count + 7) / 8 * 8;  // whole registers; what is beyond count is not read
  for (std::size_t k = b.count; k < padded; ++k) b.x[k] = b.y[k] = 0.0f;
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
    b.inside[k] = (ahead >= f.near_m) & (ahead <= f.far_m) & (x >= 0) & (x <= f.right);
  }
}

// An edge that leaves the picture: cut at its nearest and farthest ground, then at its sides.
void add_cut_edge(GroundInk& ink, const Outlook& f, const Lens& lens, const Batch& b, std::size_t k) {
  const float ahead_a = b.ahead[k];
  const float ahead_b = b.ahead[k + 1];
  if ((ahead_a < f.near_m && ahead_b < f.near_m) || (ahead_a > f.far_m && ahead_b > f.far_m)) return;
  if (ahead_a >= f.near_m && ahead_b >= f.near_m && ahead_a <= f.far_m && ahead_b <= f.far_m) {
    if (b.at_x[k] > f.right && b.at_x[k + 1] > f.right) return;
    if (b.at_x[k] < 0 && b.at_x[k + 1] < 0) {
      add_left_edge(ink, b.at_y[k], b.at_y[k + 1]);
      return;
    }
  }
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

PADDOCK_INLINE void draw_batch(GroundInk& ink, const Outlook& f, const Lens& lens, Batch& b) {
  project(f, b);
  for (std::size_t k = 0; k < b.count; ++k) {
    if (!b.goes_on[k]) continue;
    ink.choose(b.layer[k]);
    if (b.inside[k] & b.inside[k + 1]) {
      add_edge(ink, b.at_x[k], b.at_y[k], b.at_x[k + 1], b.at_y[k + 1]);
    } else {
      add_cut_edge(ink, f, lens, b, k);
    }
  }
  b.count = 0;
}

enum : std::int32_t { kUnseen, kSeen, kLeftOfPicture };

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

PADDOCK_INLINE void draw_seen(const Scene& scene, const View& view, const Outlook& f, GroundInk& ink) {
  const auto& pieces = scene.pieces();
  const auto& corners = scene.corners();
  const Lens& lens = view.lens();
  Batch batch;
  std::int32_t seen[kBlock];
  float nearest[kBlock];
  for (std::size_t from = 0; from < pieces.size(); from += kBlock) {
    const std::size_t n = std::min(kBlock, pieces.size() - from);
    for (std::size_t k = 0; k < n; ++k) {
      const float ahead = ahead_of(f, pieces.x[from + k], pieces.y[from + k]);
      const float left = left_of(f, pieces.x[from + k], pieces.y[from + k]);
      const float radius = pieces.radius[from + k];
      const float side = (ahead * f.pitch_cosine + f.height_sine) * f.slope;
      const float reach = radius * f.leaning;
      const bool out = (ahead + radius < f.near_m) | (ahead - radius > f.far_m) | (-left - side >= reach);
      nearest[k] = ahead - radius;
      seen[k] = out ? kUnseen : (left - side >= reach ? kLeftOfPicture : kSeen);
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (seen[k] == kUnseen) continue;
      const std::size_t i = from + k;
      std::uint8_t layer = pieces.layer[i];
      if (seen[k] == kLeftOfPicture) {  // only where its chain begins and ends matters
        if (layer == static_cast<std::uint8_t>(Layer::dash)) continue;
        ink.choose(layer);
        add_left_edge(ink, height_at(f, lens, pieces.from_x[i], pieces.from_y[i]),
                      height_at(f, lens, pieces.to_x[i], pieces.to_y[i]));
        continue;
      }
      std::size_t grade = 0;
      if (layer == static_cast<std::uint8_t>(Layer::dash)) {
        if (dashes_melt(f, pieces, i, nearest[k])) {
          layer = static_cast<std::uint8_t>(Layer::strip);
          grade = kGrades - 1;
        }
      } else {
        while (grade + 1 < kGrades && nearest[k] >= f.limit_m[grade + 1]) ++grade;
      }
      const std::uint32_t first = pieces.first[i * kGrades + grade];
      const std::uint32_t end = pieces.first[i * kGrades + grade + 1];
      if (batch.count + (end - first) > Batch::kMost) draw_batch(ink, f, lens, batch);
      for (std::uint32_t c = first; c < end;) {
        const auto room = static_cast<std::uint32_t>(Batch::kMost - batch.count);
        for (const std::uint32_t stop = std::min(end, c + room); c < stop; ++c) {
          batch.x[batch.count] = corners.x[c];
          batch.y[batch.count] = corners.y[c];
          batch.goes_on[batch.count] = corners.goes_on[c];
          batch.layer[batch.count] = layer;
          ++batch.count;
        }
        if (c == end) break;
        batch.goes_on[batch.count - 1] = 0;  // a piece of very many corners goes on where a full batch ends
        draw_batch(ink, f, lens, batch);
        --c;
      }
    }
  }
  draw_batch(ink, f, lens, batch);
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void draw_seen_avx2(const Scene& scene, const View& view, const Outlook& f, GroundInk& ink) {
  draw_seen(scene, view, f, ink);
}
#endif

}  // namespace

void draw_ground(const Scene& scene, const View& view, const Pose& base, GroundInk& ink) {
  const Outlook outlook = outlook_of(scene, view.lens(), base);
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return draw_seen_avx2(scene, view, outlook, ink);
#endif
  draw_seen(scene, view, outlook, ink);
}

}  // namespace paddock
