#pragma once

#include <nanobind/nanobind.h>

void bind_dense_chain(nanobind::module_& m);
