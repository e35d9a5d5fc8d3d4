#include "bind_parameters.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;

namespace paddock {
namespace {

using States = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Columns = std::vector<int>;
using Plan = std::vector<std::tuple<std::string, std::string, Columns>>;

constexpr double kLargestWhole = 9007199254740992.0;  // 2^53
// Who holds a list that the racer's code has let go of: the template and `given` below.
constexpr Py_ssize_t kOurs = 2;

nb::object checked(PyObject* made) {
  if (made == nullptr) throw nb::python_error();
  return nb::steal(made);
}

void done(int status) {
  if (status != 0) throw nb::python_error();
}

enum class Kind { number, flag, wholes, numbers, flags, points, headings };

Kind kind_of(const std::string& name) {
  if (name == "number") return Kind::number;
  if (name == "flag") return Kind::flag;
  if (name == "wholes") return Kind::wholes;
  if (name == "numbers") return Kind::numbers;
  if (name == "flags") return Kind::flags;
  if (name == "points") return Kind::points;
  if (name == "headings") return Kind::headings;
  throw std::invalid_argument("a plan of reward parameters has no kind '" + name + "'");
}

// How many columns make one entry of a list: x and y; yaw and kind.
std::size_t columns_each(Kind kind) { return kind == Kind::points || kind == Kind::headings ? 2 : 1; }

nb::object whole(double value) {
  if (!(std::fabs(value) <= kLargestWhole)) throw std::invalid_argument("an index of a reward state is no whole number");
  return checked(PyLong_FromLongLong(static_cast<long long>(value)));
}

nb::object number(double value) { return checked(PyFloat_FromDouble(value)); }

nb::object flag(double value) { return nb::borrow(value != 0.0 ? Py_True : Py_False); }

nb::object point(double x, double y) {
  nb::object pair = checked(PyTuple_New(2));
  done(PyTuple_SetItem(pair.ptr(), 0, number(x).release().ptr()));
  done(PyTuple_SetItem(pair.ptr(), 1, number(y).release().ptr()));
  return pair;
}

// What a row says in a column; -1 is no column.
double value_of(const double* row, int column) { return column < 0 ? 0.0 : row[column]; }

// The entry of a list that begins at `columns`.
nb::object entry(Kind kind, const double* row, const int* columns) {
  const double first = value_of(row, columns[0]);
  switch (kind) {
    case Kind::wholes: return whole(first);
    case Kind::flags: return flag(first);
    case Kind::points: return point(first, value_of(row, columns[1]));
    case Kind::headings: return number(value_of(row, columns[1]) != 0.0 ? first : 0.0);
    default: return number(first);
  }
}

// A dict of its own for each call, though little of it is made anew: it is a copy of a template, in which only what
// differs from the row before is replaced. Numbers, flags and tuples cannot be changed and may be shared by calls. A
// list can: it goes into the next dict only where nobody else holds it any more, and all its entries are set again.
class RewardParameters {
 public:
  RewardParameters(const Plan& plan, States states, nb::list waypoints) : states_(std::move(states)) {
    for (const auto& [name, kind, columns] : plan) {
      for (const int column : columns) {
        if (column >= static_cast<int>(states_.shape(1))) {
          throw std::invalid_argument("a plan names a column that no reward state has");
        }
      }
      const nb::str key(name.c_str());
      PyObject* interned = key.inc_ref().ptr();
      PyUnicode_InternInPlace(&interned);
      add(nb::steal(interned), kind_of(kind), columns);
    }
    waypoints_ = nb::steal<nb::list>(checked(PyList_GetSlice(waypoints.ptr(), 0, PyList_Size(waypoints.ptr()))).release());
    waypoints_key_ = nb::str("waypoints");
    renew_waypoints();
  }

  nb::object row(std::size_t index) {
    if (index >= states_.shape(0)) throw nb::index_error("there are not so many rows");
    const double* row = states_.data() + index * states_.shape(1);
    for (Single& single : singles_) {
      const double value = value_of(row, single.column);
      if (std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(single.last)) continue;
      put(single.key, single.kind == Kind::flag ? flag(value) : number(value));
      single.last = value;
    }
    for (List& list : lists_) fill(list, row);
    if (!waypoints_untouched()) renew_waypoints();
    return checked(PyDict_Copy(template_.ptr()));
  }

 private:
  struct Single {
    nb::object key;
    Kind kind;
    int column;
    double last;
  };
  struct List {
    nb::object key;
    Kind kind;
    Columns columns;
    nb::object given;

    std::size_t size() const { return columns.size() / columns_each(kind); }
  };

  void add(nb::object key, Kind kind, const Columns& columns) {
    if (kind == Kind::number || kind == Kind::flag) {
      if (columns.size() != 1) throw std::invalid_argument("a number or flag is made of one column");
      put(key, kind == Kind::flag ? flag(0.0) : number(0.0));
      singles_.push_back({std::move(key), kind, columns[0], 0.0});
      return;
    }
    if (columns.size() % columns_each(kind) != 0) throw std::invalid_argument("a list of pairs has half a pair");
    lists_.push_back({std::move(key), kind, columns, nb::none()});
  }

  void put(const nb::object& key, const nb::object& value) {
    done(PyDict_SetItem(template_.ptr(), key.ptr(), value.ptr()));
  }

  void fill(List& list, const double* row) {
    const auto size = static_cast<Py_ssize_t>(list.size());
    const std::size_t step = columns_each(list.kind);
    const bool again = PyList_Check(list.given.ptr()) && Py_REFCNT(list.given.ptr()) == kOurs &&
                       PyList_Size(list.given.ptr()) == size;
    const nb::object entries = again ? list.given : checked(PyList_New(size));
    for (Py_ssize_t i = 0; i < size; ++i) {
      nb::object made = entry(list.kind, row, list.columns.data() + static_cast<std::size_t>(i) * step);
      done(PyList_SetItem(entries.ptr(), i, made.release().ptr()));
    }
    if (again) return;
    put(list.key, entries);
    list.given = entries;
  }

  bool waypoints_untouched() const {
#ifdef Py_LIMITED_API
    return false;  // the stable ABI shows a list's entries one by one only: as slow as copying them
#else
    PyObject* list = waypoints_given_.ptr();
    const Py_ssize_t size = PyList_GET_SIZE(waypoints_.ptr());
    return Py_REFCNT(list) == kOurs && PyList_GET_SIZE(list) == size &&
           std::memcmp(PySequence_Fast_ITEMS(list), PySequence_Fast_ITEMS(waypoints_.ptr()),
                       static_cast<std::size_t>(size) * sizeof(PyObject*)) == 0;
#endif
  }

  void renew_waypoints() {
    waypoints_given_ = checked(PyList_GetSlice(waypoints_.ptr(), 0, PyList_Size(waypoints_.ptr())));
    put(waypoints_key_, waypoints_given_);
  }

  States states_;
  nb::dict template_;
  std::vector<Single> singles_;
  std::vector<List> lists_;
  nb::list waypoints_;
  nb::object waypoints_key_, waypoints_given_;
};

}  // namespace

void bind_parameters(nb::module_& m) {
  nb::class_<RewardParameters>(m, "RewardParameters")
      .def(nb::init<const Plan&, States, nb::list>(), "plan"_a, "states"_a.noconvert(), "waypoints"_a)
      .def("row", &RewardParameters::row);
}

}  // namespace paddock
