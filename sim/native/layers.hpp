// Layers of a policy's network, in float32. Every number that a layer gives is one sum: it begins with the bias and adds
// products in the order of the inputs. Vector registers hold different sums, never parts of one, so neither their width
// nor the size of a batch can change a bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace paddock {

// Of weights: whether those that are no finite numbers are refused. While a network learns they may run away.
enum class Numbers : std::uint8_t { finite, any };

enum class Activation : std::uint8_t { linear, relu, tanh };

// What lies between two layers: pictures of height x width x channels numbers, the channels of a place side by side.
// A vector is a picture of 1 x 1.
struct Grid {
  std::size_t height = 1, width = 1, channels = 1;
  std::size_t size() const { return height * width * channels; }
};

// Weights in the order in which they are read: panels of 16 outputs side by side, of 8 where that is enough for the rest.
class Panels {
 public:
  // weight is (inputs, outputs) row by row. Throws std::invalid_argument for no inputs or outputs, for more numbers than
  // kMostNumbers and for weights that are no finite numbers, unless they may be any.
  Panels(const float* weight, const float* bias, std::size_t inputs, std::size_t outputs,
         Numbers numbers = Numbers::finite);

  // Inputs lie in `segments` runs of `length` numbers, `jump` apart; offsets say where those of each row begin.
  struct Inputs {
    const float* data;
    const std::size_t* offsets;
    std::size_t rows, segments, length, jump;
  };
  // Rows of out lie `stride` apart. Of panels only those from `first` up to `last`.
  void sum(const Inputs& in, Activation activation, float* out, std::size_t stride, std::size_t first,
           std::size_t last) const;

  std::size_t count() const;  // of panels
  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }

 private:
  const float* at(std::size_t output, std::size_t input) const;  // the weights of a panel from an input on

  std::size_t inputs_, outputs_;
  std::vector<float> weight_, bias_;  // zeros beyond the outputs
};

inline constexpr std::size_t kMostNumbers = std::size_t{1} << 28;  // of a layer's inputs, weights or outputs

class Dense {
 public:
  // weight is (inputs, outputs) row by row; the inputs of a picture are its rows, columns and channels in that order.
  Dense(const float* weight, const float* bias, std::size_t inputs, std::size_t outputs, Activation activation,
        Numbers numbers = Numbers::finite);
  std::size_t inputs() const { return panels_.inputs(); }
  std::size_t outputs() const { return panels_.outputs(); }
  std::size_t panels() const { return panels_.count(); }
  // The outputs of panels from `first` up to `last`.
  void forward(const float* in, std::size_t in_stride, std::size_t rows, float* out, std::size_t out_stride,
               std::size_t first, std::size_t last) const;

 private:
  Panels panels_;
  Activation activation_;
};

class Convolution {
 public:
  struct Shape {
    std::size_t height, width, stride;
    bool same;  // padded with zeros so that out = in / stride, rounded up; else no place leaves the picture
  };
  // weight is (height, width, channels, filters) row by row; a sum takes the kernel's rows, its columns and the
  // channels in that order, zeros of the padding included.
  Convolution(const Grid& in, const float* weight, const float* bias, const Shape& kernel, std::size_t filters,
              Activation activation);
  const Grid& in() const { return in_; }
  const Grid& out() const { return out_; }
  std::size_t padded_size() const { return padded_.size() == in_.size() ? 0 : padded_.size(); }
  // One picture; `padded` has room for padded_size() numbers.
  void forward(const float* in, float* out, float* padded) const;

 private:
  Grid in_, padded_, out_;
  Shape kernel_;
  std::size_t above_ = 0, left_ = 0;  // rows and columns of zeros before the picture
  Panels panels_;
  Activation activation_;
  std::vector<std::size_t> offsets_;  // of the places, row by row
};

// The greatest of a window, or its mean: a sum by rows and columns, divided by their number. Windows lie within the
// picture.
class Pooling {
 public:
  enum class Kind : std::uint8_t { maximum, average };
  Pooling(const Grid& in, Kind kind, std::size_t size, std::size_t stride);
  const Grid& in() const { return in_; }
  const Grid& out() const { return out_; }
  void forward(const float* in, float* out) const;

 private:
  Grid in_, out_;
  Kind kind_;
  std::size_t size_, stride_;
};

using PictureLayer = std::variant<Convolution, Pooling>;

// Numbers of a grid as checked: throws std::invalid_argument for none or more than kMostNumbers.
std::size_t checked_size(const Grid& grid);

}  // namespace paddock
