// Settings that come from Python as a dict: what is missing or of another kind is refused by its name.
#pragma once

#include <nanobind/nanobind.h>

#include <stdexcept>
#include <string>

namespace paddock {

inline nanobind::dict settings_of(nanobind::handle given, const char* whose) {
  nanobind::dict settings;
  if (!nanobind::try_cast(given, settings, false)) {
    throw nanobind::type_error((std::string("the settings of ") + whose + " are a dict").c_str());
  }
  return settings;
}

template <typename T>
T setting(const nanobind::dict& settings, const char* name) {
  if (!settings.contains(name)) throw std::invalid_argument(std::string("the setting ") + name + " is missing");
  T value{};
  if (!nanobind::try_cast(settings[name], value)) {
    throw nanobind::type_error((std::string("the setting ") + name + " is of the wrong kind").c_str());
  }
  return value;
}

}  // namespace paddock
