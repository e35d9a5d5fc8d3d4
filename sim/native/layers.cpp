#include "layers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "processor.hpp"

namespace paddock {
namespace {

constexpr std::size_t kPanel = 16;   // sums side by side
constexpr std::size_t kNarrow = 8;   // where no more are needed
constexpr std::size_t kRun = 512;    // inputs of a dense layer taken at a time: a panel's weights for them fit in L1

// Eight floats, added and multiplied one by one: one register with AVX2, two without.
using Eight = float __attribute__((vector_size(32)));
constexpr std::size_t kEight = 8;

using EightWhole = std::int32_t __attribute__((vector_size(32)));

// tanh_f of maths.hpp for eight numbers: the same operations one by one, so the same bits.
PADDOCK_INLINE Eight tanh_of(Eight x) {
  const Eight zero = {};
  x = x < -9.0f ? zero - 9.0f : x;
  x = x > 9.0f ? zero + 9.0f : x;
  const Eight y = 2.0f * x;  // within +-87
  constexpr float shift = 12582912.0f;
  const Eight k = (y * 1.44269504f + shift) - shift;
  Eight r = y - k * 0.693359375f;
  r = r - k * -2.12194440e-4f;
  Eight p = zero + 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const EightWhole exponent = (__builtin_convertvector(k == k ? k : zero, EightWhole) + 127) << 23;
  Eight power;
  std::memcpy(&power, &exponent, sizeof power);
  return 1.0f - 2.0f / (p * power + 1.0f);
}

struct Job {  // the sums of one panel for many rows
  const float* in;
  const std::size_t* offsets;
  std::size_t rows, segments, length, jump;
  const float* weight;
  const float* bias;     // null: go on from what out holds
  Activation activation;
  float* out;
  std::size_t stride, columns;  // columns: outputs of the panel that there are
  const float* next;            // weights that are wanted after these; null: they are at hand
};

PADDOCK_INLINE void load(Eight& to, const float* from) { std::memcpy(&to, from, sizeof to); }
PADDOCK_INLINE void store(const Eight& from, float* to) { std::memcpy(to, &from, sizeof from); }

// L inputs (0: job.length of them) of each of R rows into V registers of sums each. Each weight that is loaded serves R
// rows, each input V registers.
template <int R, int V, int W, int L>
PADDOCK_INLINE void add_run(const Job& job, const float* const (&x)[R], const float*& w, Eight (&sum)[R][V],
                            const float* soon = nullptr, std::size_t pace = 0) {
  const std::size_t length = L == 0 ? job.length : L;
  for (std::size_t k = 0; k < length; ++k, w += W) {
    if constexpr (L == 0) {
      __builtin_prefetch(soon, 0, 2);
      soon += pace;
    }
    Eight weight[V];
    for (int v = 0; v < V; ++v) load(weight[v], w + v * kEight);
    for (int r = 0; r < R; ++r) {
      const float value = x[r][k];
      for (int v = 0; v < V; ++v) sum[r][v] += value * weight[v];
    }
  }
}

template <int R, int V, int W, int L>
PADDOCK_INLINE void add_runs(const Job& job, std::size_t first, const float* (&x)[R], const float* w,
                             Eight (&sum)[R][V]) {
  // Each tile fetches a part of what is read next, so that it is there in time: the weights of a large layer come from
  // beyond the caches, which takes longer than to add them up for a few rows.
  const float* soon = job.next == nullptr ? w : job.next + first * job.length * W / job.rows;
  const std::size_t pace = job.next == nullptr ? 0 : (R * W + job.rows - 1) / job.rows;
  for (std::size_t s = 0; s < job.segments; ++s) {
    add_run<R, V, W, L>(job, x, w, sum, soon, pace);
    for (int r = 0; r < R; ++r) x[r] += job.jump;
  }
}

// Sums of R rows for the columns of a panel of W from `shift` on, that fill V registers a row.
template <int R, int V, int W>
PADDOCK_INLINE void tile(const Job& job, std::size_t first, std::size_t shift) {
  constexpr std::size_t kColumns = V * kEight;
  Eight sum[R][V];
  const float* x[R];
  float* out[R];
  float edge[kColumns] = {};
  const std::size_t columns = std::min(job.columns > shift ? job.columns - shift : 0, kColumns);
  for (int r = 0; r < R; ++r) {
    x[r] = job.in + job.offsets[first + r];
    out[r] = job.out + (first + r) * job.stride + shift;
    const float* begin = job.bias + shift;
    if (job.bias == nullptr) {
      std::copy_n(out[r], columns, edge);
      begin = edge;
    }
    for (int v = 0; v < V; ++v) load(sum[r][v], begin + v * kEight);
  }
  const float* w = job.weight + shift;
  if (job.length == 4) {
    add_runs<R, V, W, 4>(job, first, x, w, sum);
  } else if (job.length == 8) {
    add_runs<R, V, W, 8>(job, first, x, w, sum);
  } else {
    add_runs<R, V, W, 0>(job, first, x, w, sum);
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) {
      if (job.activation == Activation::relu) sum[r][v] = sum[r][v] > 0.0f ? sum[r][v] : 0.0f;
    }
    float* to = columns == kColumns ? out[r] : edge;
    for (int v = 0; v < V; ++v) {
      if (job.activation == Activation::tanh) sum[r][v] = tanh_of(sum[r][v]);
      store(sum[r][v], to + v * kEight);
    }
    if (to == edge) std::copy_n(edge, columns, out[r]);
  }
}

#ifdef PADDOCK_AVX2
PADDOCK_AVX2 void wide_avx2(const Job& job) {
  std::size_t i = 0;
  for (; i + 6 <= job.rows; i += 6) tile<6, 2, kPanel>(job, i, 0);
  for (; i + 4 <= job.rows; i += 4) tile<4, 2, kPanel>(job, i, 0);
  for (; i + 2 <= job.rows; i += 2) tile<2, 2, kPanel>(job, i, 0);
  for (; i < job.rows; ++i) tile<1, 2, kPanel>(job, i, 0);
}

PADDOCK_AVX2 void narrow_avx2(const Job& job) {
  std::size_t i = 0;
  for (; i + 8 <= job.rows; i += 8) tile<8, 1, kNarrow>(job, i, 0);
  for (; i + 4 <= job.rows; i += 4) tile<4, 1, kNarrow>(job, i, 0);
  for (; i < job.rows; ++i) tile<1, 1, kNarrow>(job, i, 0);
}
#endif

template <int W>
void plain(const Job& job) {
  for (std::size_t shift = 0; shift < W; shift += kEight) {
    std::size_t i = 0;
    for (; i + 4 <= job.rows; i += 4) tile<4, 1, W>(job, i, shift);
    for (; i < job.rows; ++i) tile<1, 1, W>(job, i, shift);
  }
}

void run(const Job& job, std::size_t width) {
#ifdef PADDOCK_AVX2
  if (kHasAvx2) return width == kPanel ? wide_avx2(job) : narrow_avx2(job);
#endif
  return width == kPanel ? plain<kPanel>(job) : plain<kNarrow>(job);
}

std::size_t rounded_up(std::size_t count) { return (count + kNarrow - 1) / kNarrow * kNarrow; }

// Product of two counts, refused where it is more than a layer may have.
std::size_t times(std::size_t a, std::size_t b) {
  if (b != 0 && a > kMostNumbers / b) throw std::invalid_argument("a layer has too many numbers");
  return a * b;
}

const Convolution::Shape& checked(const Convolution::Shape& kernel) {
  if (kernel.height == 0 || kernel.width == 0 || kernel.stride == 0 || kernel.stride > kMostNumbers) {
    throw std::invalid_argument("a kernel and its stride are at least 1");
  }
  return kernel;
}

// Places along one side, and zeros before and after it so that all fit.
struct Side {
  std::size_t out, before, padded;
};

Side side(std::size_t in, std::size_t kernel, std::size_t stride, bool same) {
  if (!same) {
    if (kernel > in) throw std::invalid_argument("a kernel or window is larger than the picture before it");
    return {(in - kernel) / stride + 1, 0, in};
  }
  const std::size_t out = (in + stride - 1) / stride;
  const std::size_t reach = times(out - 1, stride) + kernel;
  const std::size_t more = reach > in ? reach - in : 0;
  return {out, more / 2, in + more};
}

}  // namespace

std::size_t checked_size(const Grid& grid) {
  const std::size_t size = times(times(grid.height, grid.width), grid.channels);
  if (size == 0) throw std::invalid_argument("a picture or vector of no numbers");
  return size;
}

Panels::Panels(const float* weight, const float* bias, std::size_t inputs, std::size_t outputs, Numbers numbers)
    : inputs_(inputs), outputs_(outputs) {
  if (inputs == 0 || outputs == 0) throw std::invalid_argument("a layer needs inputs and outputs");
  times(inputs, outputs);
  for (std::size_t i = 0; numbers == Numbers::finite && i < inputs * outputs; ++i) {
    if (!std::isfinite(weight[i])) throw std::invalid_argument("a layer's weight is no finite number");
  }
  for (std::size_t o = 0; numbers == Numbers::finite && o < outputs; ++o) {
    if (!std::isfinite(bias[o])) throw std::invalid_argument("a layer's bias is no finite number");
  }
  const std::size_t width = rounded_up(outputs);
  weight_.assign(inputs * width, 0.0f);
  bias_.assign(width, 0.0f);
  std::copy_n(bias, outputs, bias_.begin());
  float* to = weight_.data();
  for (std::size_t panel = 0; panel < width; panel += kPanel) {
    const std::size_t wide = std::min(kPanel, width - panel);
    const std::size_t columns = std::min(kPanel, outputs - panel);
    for (std::size_t i = 0; i < inputs; ++i, to += wide) std::copy_n(weight + i * outputs + panel, columns, to);
  }
}

std::size_t Panels::count() const { return (outputs_ + kPanel - 1) / kPanel; }

const float* Panels::at(std::size_t output, std::size_t input) const {
  return weight_.data() + output * inputs_ + input * std::min(kPanel, rounded_up(outputs_) - output);
}

void Panels::sum(const Inputs& in, Activation activation, float* out, std::size_t stride, std::size_t first,
                 std::size_t last) const {
  const std::size_t width = rounded_up(outputs_);
  // Only inputs in one run are taken piece by piece: others are kernels, which are small.
  const std::size_t length = in.segments == 1 ? std::min(in.length, kRun) : in.length;
  for (std::size_t from = 0; from < in.length; from += length) {
    const std::size_t count = std::min(length, in.length - from);
    const bool ends = from + count == in.length;
    for (std::size_t p = first; p < last; ++p) {
      const std::size_t panel = p * kPanel;
      const std::size_t wide = std::min(kPanel, width - panel);
      const float* weight = at(panel, from);
      const float* next = nullptr;
      if (p + 1 < last) {
        next = at(panel + kPanel, from);
      } else if (!ends) {
        next = at(first * kPanel, from + count);
      }
      run({in.data + from, in.offsets, in.rows, in.segments, count, in.jump, weight,
           from == 0 ? bias_.data() + panel : nullptr, ends ? activation : Activation::linear, out + panel, stride,
           std::min(kPanel, outputs_ - panel), next},
          wide);
    }
  }
}

Dense::Dense(const float* weight, const float* bias, std::size_t inputs, std::size_t outputs, Activation activation,
             Numbers numbers)
    : panels_(weight, bias, inputs, outputs, numbers), activation_(activation) {}

void Dense::forward(const float* in, std::size_t in_stride, std::size_t rows, float* out,
                    std::size_t out_stride, std::size_t first, std::size_t last) const {
  constexpr std::size_t kRows = 48;
  std::array<std::size_t, kRows> offsets;
  for (std::size_t from = 0; from < rows; from += kRows) {
    const std::size_t count = std::min(kRows, rows - from);
    for (std::size_t r = 0; r < count; ++r) offsets[r] = (from + r) * in_stride;
    panels_.sum({in, offsets.data(), count, 1, inputs(), 0}, activation_, out + from * out_stride, out_stride, first,
                last);
  }
}

Convolution::Convolution(const Grid& in, const float* weight, const float* bias, const Shape& kernel,
                         std::size_t filters, Activation activation)
    : in_(in),
      kernel_(checked(kernel)),
      panels_(weight, bias, times(times(kernel.height, kernel.width), in.channels), filters),
      activation_(activation) {
  const Side down = side(in.height, kernel.height, kernel.stride, kernel.same);
  const Side across = side(in.width, kernel.width, kernel.stride, kernel.same);
  above_ = down.before;
  left_ = across.before;
  padded_ = {down.padded, across.padded, in.channels};
  out_ = {down.out, across.out, filters};
  checked_size(padded_);
  checked_size(out_);
  for (std::size_t y = 0; y < out_.height; ++y) {
    for (std::size_t x = 0; x < out_.width; ++x) {
      offsets_.push_back((y * padded_.width + x) * kernel.stride * in.channels);
    }
  }
}

void Convolution::forward(const float* in, float* out, float* padded) const {
  const std::size_t row = padded_.width * in_.channels;
  if (padded_size() != 0) {
    std::fill_n(padded, padded_.size(), 0.0f);
    for (std::size_t y = 0; y < in_.height; ++y) {
      std::copy_n(in + y * in_.width * in_.channels, in_.width * in_.channels,
                  padded + (y + above_) * row + left_ * in_.channels);
    }
    in = padded;
  }
  panels_.sum({in, offsets_.data(), offsets_.size(), kernel_.height, kernel_.width * in_.channels, row}, activation_,
              out, out_.channels, 0, panels_.count());
}

Pooling::Pooling(const Grid& in, Kind kind, std::size_t size, std::size_t stride)
    : in_(in), kind_(kind), size_(size), stride_(stride) {
  if (size == 0 || stride == 0) throw std::invalid_argument("a window and its stride are at least 1");
  checked_size(in);
  out_ = {side(in.height, size, stride, false).out, side(in.width, size, stride, false).out, in.channels};
}

void Pooling::forward(const float* in, float* out) const {
  const std::size_t channels = in_.channels;
  const float count = static_cast<float>(size_ * size_);
  for (std::size_t y = 0; y < out_.height; ++y) {
    for (std::size_t x = 0; x < out_.width; ++x, out += channels) {
      for (std::size_t window = 0; window < size_ * size_; ++window) {
        const std::size_t row = y * stride_ + window / size_;
        const float* from = in + (row * in_.width + x * stride_ + window % size_) * channels;
        for (std::size_t c = 0; c < channels; ++c) {
          if (window == 0) {
            out[c] = from[c];
          } else if (kind_ == Kind::maximum) {
            out[c] = from[c] > out[c] ? from[c] : out[c];
          } else {
            out[c] += from[c];
          }
        }
      }
      if (kind_ == Kind::average) {
        for (std::size_t c = 0; c < channels; ++c) out[c] /= count;
      }
    }
  }
}

}  // namespace paddock
