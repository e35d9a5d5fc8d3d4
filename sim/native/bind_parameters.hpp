// The `params` dicts of reward functions, built from rows of reward states. jobs/sandbox/parameters.py says which
// columns become which key, sim/reference/parameters.py does the same slowly.
#pragma once

#include <nanobind/nanobind.h>

namespace paddock {

void bind_parameters(nanobind::module_& m);

}  // namespace paddock
