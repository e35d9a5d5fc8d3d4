#include "bind_dense_chain.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "dense_chain.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace paddock;

namespace {

using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using RowOut = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using RowsOut = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void need(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

template <typename Array>
bool has_shape(const Array& array, std::size_t rows, std::size_t columns) {
  return array.shape(0) == rows && array.shape(1) == columns;
}

Activation activation_named(const std::string& name) {
  need(name == "relu" || name == "tanh", "an activation between layers is relu or tanh");
  return name == "relu" ? Activation::relu : Activation::tanh;
}

std::vector<ChainLayer> layers_of(const std::vector<Rows>& weights, const std::vector<Row>& biases, std::size_t inputs,
                                  const std::string& activation, bool last_activated) {
  need(!weights.empty() && weights.size() == biases.size(), "each layer has a weight and a bias");
  const Activation between = activation_named(activation);
  std::vector<ChainLayer> layers;
  for (std::size_t l = 0; l < weights.size(); ++l) {
    const std::size_t outputs = biases[l].shape(0);
    need(has_shape(weights[l], outputs, inputs), "a layer's weight is (outputs, inputs), its inputs those before it");
    const bool activated = last_activated || l + 1 < weights.size();
    layers.push_back(
        {weights[l].data(), biases[l].data(), inputs, outputs, activated ? between : Activation::linear});
    inputs = outputs;
  }
  return layers;
}

void forward(const Rows& in, const std::vector<Rows>& weights, const std::vector<Row>& biases,
             const std::string& activation, bool last_activated, const std::vector<RowsOut>& given) {
  const auto layers = layers_of(weights, biases, in.shape(1), activation, last_activated);
  need(given.size() == layers.size(), "there is room for what each layer gives");
  std::vector<float*> to;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    need(has_shape(given[l], in.shape(0), layers[l].outputs), "what a layer gives is (rows, outputs)");
    to.push_back(given[l].data());
  }
  const nb::gil_scoped_release release;
  chain_forward(layers, in.data(), in.shape(0), to);
}

void backward(const Rows& in, const std::vector<Rows>& weights, const std::vector<Row>& biases,
              const std::string& activation, bool last_activated, const std::vector<Rows>& given, const Rows& gradient,
              const std::vector<RowsOut>& weight_gradients, const std::vector<RowOut>& bias_gradients,
              const std::optional<RowsOut>& in_gradient) {
  const auto layers = layers_of(weights, biases, in.shape(1), activation, last_activated);
  need(given.size() == layers.size() && weight_gradients.size() == layers.size() &&
           bias_gradients.size() == layers.size(),
       "there is room for the gradients of each layer");
  std::vector<const float*> from;
  std::vector<float*> to_weights, to_biases;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const ChainLayer& layer = layers[l];
    need(has_shape(given[l], in.shape(0), layer.outputs), "what a layer gives is (rows, outputs)");
    need(has_shape(weight_gradients[l], layer.outputs, layer.inputs) && bias_gradients[l].shape(0) == layer.outputs,
         "gradients have the shape of what they are of");
    from.push_back(given[l].data());
    to_weights.push_back(weight_gradients[l].data());
    to_biases.push_back(bias_gradients[l].data());
  }
  need(has_shape(gradient, in.shape(0), layers.back().outputs), "the gradient is (rows, outputs)");
  need(!in_gradient || has_shape(*in_gradient, in.shape(0), in.shape(1)), "the inputs' gradient has their shape");
  float* to_in = in_gradient ? in_gradient->data() : nullptr;
  const nb::gil_scoped_release release;
  chain_backward(layers, in.data(), in.shape(0), from, gradient.data(), to_weights, to_biases, to_in);
}

}  // namespace

void bind_dense_chain(nb::module_& m) {
  m.def("chain_forward", &forward, "inputs"_a.noconvert(), "weights"_a, "biases"_a, "activation"_a, "last_activated"_a,
        "given"_a);
  m.def("chain_backward", &backward, "inputs"_a.noconvert(), "weights"_a, "biases"_a, "activation"_a,
        "last_activated"_a, "given"_a, "gradient"_a.noconvert(), "weight_gradients"_a, "bias_gradients"_a,
        "input_gradient"_a.none());
}
