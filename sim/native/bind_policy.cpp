#include "bind_policy.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "policy.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace paddock;

namespace {

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Vector32 = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix32 = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Kernel32 = nb::ndarray<const float, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using MatrixOut32 = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <typename T>
T taken(nb::handle from, const char* what) {
  T value;
  if (!nb::try_cast(from, value, false)) throw nb::type_error(what);
  return value;
}

Activation activation_named(const std::string& name) {
  if (name == "linear") return Activation::linear;
  if (name == "relu") return Activation::relu;
  if (name == "tanh") return Activation::tanh;
  throw std::invalid_argument("unknown activation " + name + "; known are linear, relu and tanh");
}

void need_bias(std::size_t found, std::size_t wanted) {
  if (found == wanted) return;
  throw std::invalid_argument("bias has " + std::to_string(found) + " rows, not " + std::to_string(wanted));
}

nb::tuple layer_of(nb::handle item, std::size_t fields) {
  const auto layer = taken<nb::tuple>(item, "a layer is a tuple that begins with its kind");
  if (layer.size() != fields) throw std::invalid_argument("a layer has the wrong number of fields");
  return layer;
}

std::string kind_of(nb::handle item) {
  const auto layer = taken<nb::tuple>(item, "a layer is a tuple that begins with its kind");
  if (layer.size() == 0) throw std::invalid_argument("a layer has no kind");
  return taken<std::string>(layer[0], "the kind of a layer is text");
}

// ("dense", weight (inputs, outputs), bias (outputs,), activation)
Dense dense_of(nb::handle item) {
  const nb::tuple layer = layer_of(item, 4);
  const auto weight = taken<Matrix32>(layer[1], "a dense layer's weight is a contiguous (in, out) array of float32");
  const auto bias = taken<Vector32>(layer[2], "a layer's bias is a contiguous array of float32");
  need_bias(bias.shape(0), weight.shape(1));
  return {weight.data(), bias.data(), weight.shape(0), weight.shape(1),
          activation_named(taken<std::string>(layer[3], "an activation is text"))};
}

// ("convolution", weight (height, width, channels, filters), bias (filters,), stride, same, activation)
Convolution convolution_of(nb::handle item, const Grid& in) {
  const nb::tuple layer = layer_of(item, 6);
  const auto weight =
      taken<Kernel32>(layer[1], "a kernel is a contiguous (height, width, channels, filters) array of float32");
  const auto bias = taken<Vector32>(layer[2], "a layer's bias is a contiguous array of float32");
  need_bias(bias.shape(0), weight.shape(3));
  if (weight.shape(2) != in.channels) {
    throw std::invalid_argument("a kernel has " + std::to_string(weight.shape(2)) + " channels, the picture before it " +
                                std::to_string(in.channels));
  }
  const Convolution::Shape kernel{weight.shape(0), weight.shape(1),
                                  taken<std::size_t>(layer[3], "a stride is a whole number"),
                                  taken<bool>(layer[4], "same is a bool")};
  return {in,     weight.data(),   bias.data(),
          kernel, weight.shape(3), activation_named(taken<std::string>(layer[5], "an activation is text"))};
}

// ("maximum" or "average", size, stride)
Pooling pooling_of(nb::handle item, const std::string& kind, const Grid& in) {
  const nb::tuple layer = layer_of(item, 3);
  return {in, kind == "maximum" ? Pooling::Kind::maximum : Pooling::Kind::average,
          taken<std::size_t>(layer[1], "a window's size is a whole number"),
          taken<std::size_t>(layer[2], "a stride is a whole number")};
}

// ((height, width, channels), divisor, layers); divisor 0 for an input of floats
Tower tower_of(nb::handle item) {
  const auto parts = taken<nb::tuple>(item, "an input is a tuple of shape, divisor and layers");
  if (parts.size() != 3) throw std::invalid_argument("an input has the wrong number of fields");
  const auto shape = taken<nb::tuple>(parts[0], "the shape of an input is a tuple");
  if (shape.size() != 3) throw std::invalid_argument("the shape of an input is height, width and channels");
  Tower tower;
  const char* what = "the shape of an input is three whole numbers";
  tower.in = {taken<std::size_t>(shape[0], what), taken<std::size_t>(shape[1], what),
              taken<std::size_t>(shape[2], what)};
  checked_size(tower.in);
  tower.divisor = taken<float>(parts[1], "a divisor is a number");
  if (!(tower.divisor >= 0.0f && tower.divisor < 1e30f)) throw std::invalid_argument("a divisor must be positive");
  Grid grid = tower.in;
  for (const nb::handle layer : taken<nb::list>(parts[2], "layers are a list")) {
    const std::string kind = kind_of(layer);
    if (kind == "dense") {
      tower.dense.push_back(dense_of(layer));
      continue;
    }
    if (!tower.dense.empty()) throw std::invalid_argument("behind a dense layer no layer can see a picture");
    if (kind == "convolution") {
      tower.picture.emplace_back(convolution_of(layer, grid));
    } else if (kind == "maximum" || kind == "average") {
      tower.picture.emplace_back(pooling_of(layer, kind, grid));
    } else {
      throw std::invalid_argument("unknown layer " + kind + "; known are dense, convolution, maximum and average");
    }
    grid = std::visit([](const auto& made) { return made.out(); }, tower.picture.back());
  }
  return tower;
}

std::shared_ptr<Policy> make_policy(const nb::list& towers, const nb::list& trunk) {
  std::vector<Tower> made;
  for (const nb::handle tower : towers) made.push_back(tower_of(tower));
  std::vector<Dense> dense;
  for (const nb::handle layer : trunk) dense.push_back(dense_of(layer));
  return std::make_shared<Policy>(std::move(made), std::move(dense));
}

// True for (n, numbers), (n, height, width, channels) and, with one channel, (n, height, width).
bool fits(const Array& array, const Grid& grid) {
  if (array.ndim() == 2) return array.shape(1) == grid.size();
  if (grid.height * grid.width == 1 || array.ndim() < 3 || array.ndim() > 4) return false;
  return array.shape(1) == grid.height && array.shape(2) == grid.width &&
         (array.ndim() == 4 ? array.shape(3) : 1) == grid.channels;
}

Policy::Source source_of(const Array& array, const Tower& tower, std::size_t rows) {
  const bool bytes = tower.takes_bytes();
  if (array.dtype() != (bytes ? nb::dtype<std::uint8_t>() : nb::dtype<float>())) {
    throw nb::type_error(bytes ? "pictures are arrays of uint8" : "observations are arrays of float32");
  }
  if (!fits(array, tower.in)) {
    throw std::invalid_argument("observations have the wrong shape; this input has " + std::to_string(tower.in.height) +
                                " x " + std::to_string(tower.in.width) + " x " + std::to_string(tower.in.channels) +
                                " numbers a row");
  }
  if (array.shape(0) != rows) throw std::invalid_argument("observations and out have different numbers of rows");
  return {array.data(), tower.in.size()};
}

void forward(const Policy& policy, const nb::list& inputs, MatrixOut32 out, std::size_t threads) {
  if (inputs.size() != policy.towers().size()) {
    throw std::invalid_argument("the policy has " + std::to_string(policy.towers().size()) + " inputs, not " +
                                std::to_string(inputs.size()));
  }
  if (out.shape(1) != policy.outputs()) throw std::invalid_argument("out has the wrong number of columns");
  if (threads < 1 || threads > 256) throw std::invalid_argument("threads must be 1 to 256");
  std::vector<Array> arrays;
  std::vector<Policy::Source> sources;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    arrays.push_back(taken<Array>(inputs[i], "observations are contiguous arrays, one for each input of the policy"));
    sources.push_back(source_of(arrays.back(), policy.towers()[i], out.shape(0)));
  }
  const nb::gil_scoped_release release;
  if (threads == 1) return policy.forward(sources.data(), out.shape(0), out.data());
  Crew crew(threads);
  policy.forward(sources.data(), out.shape(0), out.data(), crew);
}

}  // namespace

void bind_policy(nb::module_& m) {
  nb::class_<Policy>(m, "Policy")
      .def_prop_ro("outputs", &Policy::outputs)
      .def_prop_ro("sizes",
                   [](const Policy& policy) {
                     nb::list sizes;
                     for (const Tower& tower : policy.towers()) sizes.append(tower.in.size());
                     return sizes;
                   })
      .def("forward", &forward, "inputs"_a, "out"_a.noconvert(), "threads"_a = 1);
  m.def("make_policy", &make_policy, "towers"_a, "trunk"_a);
}
