#include "policy.hpp"

#include <algorithm>
#include <stdexcept>

#include "processor.hpp"
#include "threads.hpp"

namespace paddock {
namespace {

constexpr std::size_t kMostRows = 48;                          // carried through all layers together ...
constexpr std::size_t kLeastRows = 6;
constexpr std::size_t kMostCarried = std::size_t{1} << 20;     // ... while they are no more numbers than this
constexpr std::size_t kWide = std::size_t{1} << 18;            // weights of a layer that no thread keeps in its cache

// Rows of floats somewhere.
struct Slab {
  const float* data;
  std::size_t stride;
};

// Room to compute in. Each thread keeps its own: fresh memory at every call would cost more than a small network.
struct Room {
  std::vector<float> picture[2], padded, flat, dense[2], joined;
};

Room& room() {
  thread_local Room kept;
  return kept;
}

float* at_least(std::vector<float>& room, std::size_t size) {
  if (room.size() < size) room.resize(size);
  return room.data();
}

PADDOCK_INLINE void divide_all(const std::uint8_t* from, float divisor, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]) / divisor;
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void divide_avx2(const std::uint8_t* from, float divisor, float* to, std::size_t count) {
  divide_all(from, divisor, to, count);
}
#endif

void divide(const std::uint8_t* from, float divisor, float* to, std::size_t count) {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return divide_avx2(from, divisor, to, count);
#endif
  divide_all(from, divisor, to, count);
}

const Grid& in_of(const PictureLayer& layer) {
  return std::visit([](const auto& of) -> const Grid& { return of.in(); }, layer);
}

const Grid& out_of(const PictureLayer& layer) {
  return std::visit([](const auto& of) -> const Grid& { return of.out(); }, layer);
}

bool is_wide(const Dense& layer) { return layer.inputs() * layer.outputs() >= kWide; }

void check_dense(const std::vector<Dense>& layers, std::size_t inputs) {
  for (const Dense& layer : layers) {
    if (layer.inputs() != inputs) {
      throw std::invalid_argument("the outputs of a layer are not the inputs of the next");
    }
    inputs = layer.outputs();
  }
}

// Splits [0, count) among a crew, if there is one.
template <typename Work>
void share(Crew* crew, std::size_t count, const Work& work) {
  if (crew == nullptr) return work(0, count);
  crew->share(count, work);
}

const void* row_of(const Tower& tower, const Policy::Source& source, std::size_t row) {
  return static_cast<const char*>(source.data) + row * source.stride * (tower.takes_bytes() ? 1 : sizeof(float));
}

// One picture, or vector, through a tower's layers over pictures.
void see(const Tower& tower, const Policy::Source& source, std::size_t row, const Policy::Extent& extent, float* out) {
  Room& r = room();
  for (std::vector<float>& picture : r.picture) at_least(picture, extent.picture);
  at_least(r.padded, extent.padded);
  const std::size_t size = tower.in.size();
  float* here = tower.picture.empty() ? out : r.picture[0].data();
  const float* picture = here;
  if (tower.takes_bytes()) {
    divide(static_cast<const std::uint8_t*>(row_of(tower, source, row)), tower.divisor, here, size);
  } else {
    picture = static_cast<const float*>(row_of(tower, source, row));
  }
  std::size_t turn = 1;
  for (const PictureLayer& layer : tower.picture) {
    float* to = &layer == &tower.picture.back() ? out : r.picture[turn].data();
    if (const auto* convolution = std::get_if<Convolution>(&layer)) {
      convolution->forward(picture, to, r.padded.data());
    } else {
      std::get<Pooling>(layer).forward(picture, to);
    }
    picture = to;
    turn ^= 1;
  }
}

// Through dense layers, from one of the caller's two rooms to the other; `in` may lie in one of them. The outputs of wide
// layers are shared among the crew, so that each weight is read by one thread only.
Slab through(const std::vector<Dense>& layers, Slab in, std::size_t rows, Crew* crew) {
  std::size_t turn = in.data == room().dense[0].data() ? 1 : 0;
  for (const Dense& layer : layers) {
    float* to = room().dense[turn].data();
    share(is_wide(layer) ? crew : nullptr, layer.panels(), [&](std::size_t first, std::size_t last) {
      layer.forward(in.data, in.stride, rows, to, layer.outputs(), first, last);
    });
    in = {to, layer.outputs()};
    turn ^= 1;
  }
  return in;
}

void copy_rows(const Slab& from, std::size_t rows, std::size_t columns, float* to, std::size_t stride) {
  for (std::size_t r = 0; r < rows; ++r) std::copy_n(from.data + r * from.stride, columns, to + r * stride);
}

// Rows of one input through its tower.
Slab climb(const Tower& tower, const Policy::Source& source, std::size_t from, std::size_t rows,
           const Policy::Extent& extent, Crew* crew) {
  if (!tower.takes_bytes() && tower.picture.empty()) {
    return through(tower.dense, {static_cast<const float*>(row_of(tower, source, from)), source.stride}, rows, crew);
  }
  const std::size_t flat = tower.flat();
  float* seen = room().flat.data();
  share(crew, rows, [&](std::size_t first, std::size_t last) {
    for (std::size_t r = first; r < last; ++r) see(tower, source, from + r, extent, seen + r * flat);
  });
  return through(tower.dense, {seen, flat}, rows, crew);
}

}  // namespace

std::size_t Tower::flat() const { return picture.empty() ? in.size() : out_of(picture.back()).size(); }

Policy::Policy(std::vector<Tower> towers, std::vector<Dense> trunk)
    : towers_(std::move(towers)), trunk_(std::move(trunk)) {
  if (towers_.empty()) throw std::invalid_argument("a policy needs at least one input");
  for (const Tower& tower : towers_) {
    extent_.picture = std::max(extent_.picture, checked_size(tower.in));
    Grid grid = tower.in;
    for (const PictureLayer& layer : tower.picture) {
      const Grid& in = in_of(layer);
      if (in.height != grid.height || in.width != grid.width || in.channels != grid.channels) {
        throw std::invalid_argument("the outputs of a layer are not the inputs of the next");
      }
      grid = out_of(layer);
      extent_.picture = std::max(extent_.picture, grid.size());
      if (const auto* found = std::get_if<Convolution>(&layer)) {
        extent_.padded = std::max(extent_.padded, found->padded_size());
      }
    }
    widest_flat_ = std::max(widest_flat_, grid.size());
    check_dense(tower.dense, grid.size());
    for (const Dense& layer : tower.dense) notice(layer);
    joined_ += tower.outputs();
  }
  check_dense(trunk_, joined_);
  for (const Dense& layer : trunk_) notice(layer);
}

void Policy::notice(const Dense& layer) {
  widest_dense_ = std::max(widest_dense_, layer.outputs());
  shares_layers_ = shares_layers_ || is_wide(layer);
}

std::size_t Policy::outputs() const { return trunk_.empty() ? joined_ : trunk_.back().outputs(); }

void Policy::forward(const Source* sources, std::size_t rows, float* out) const { go(sources, rows, out, nullptr); }

void Policy::forward(const Source* sources, std::size_t rows, float* out, Crew& crew) const {
  if (shares_layers_) return go(sources, rows, out, &crew);
  crew.share(rows, [&](std::size_t from, std::size_t to) {
    std::vector<Source> part(sources, sources + towers_.size());
    for (std::size_t t = 0; t < towers_.size(); ++t) part[t].data = row_of(towers_[t], sources[t], from);
    forward(part.data(), to - from, out + from * outputs());
  });
}

void Policy::go(const Source* sources, std::size_t rows, float* out, Crew* crew) const {
  const std::size_t widest = std::max({widest_flat_, widest_dense_, joined_});
  const std::size_t most = std::clamp(kMostCarried / widest, kLeastRows, kMostRows);
  const std::size_t carried = std::min(most, rows);
  Room& r = room();
  at_least(r.flat, carried * widest_flat_);
  for (std::vector<float>& dense : r.dense) at_least(dense, carried * widest_dense_);
  if (towers_.size() > 1) at_least(r.joined, carried * joined_);
  for (std::size_t from = 0; from < rows; from += most) {
    const std::size_t count = std::min(most, rows - from);
    Slab at{};
    std::size_t column = 0;
    for (std::size_t t = 0; t < towers_.size(); ++t) {
      at = climb(towers_[t], sources[t], from, count, extent_, crew);
      if (towers_.size() == 1) break;
      copy_rows(at, count, towers_[t].outputs(), r.joined.data() + column, joined_);
      column += towers_[t].outputs();
    }
    if (towers_.size() > 1) at = {r.joined.data(), joined_};
    copy_rows(through(trunk_, at, count, crew), count, outputs(), out + from * outputs(), outputs());
  }
}

}  // namespace paddock
