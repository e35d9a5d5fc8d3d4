// Policies for Python.
#pragma once

#include <nanobind/nanobind.h>

void bind_policy(nanobind::module_& m);
