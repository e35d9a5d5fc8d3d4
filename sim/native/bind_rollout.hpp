// Rollouts for Python.
#pragma once

#include <nanobind/nanobind.h>

void bind_rollout(nanobind::module_& m);
