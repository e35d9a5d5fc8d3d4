#include "objects.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "episode.hpp"
#include "maths.hpp"

namespace paddock {
namespace {

constexpr double kNear_m = 1.0;             // CLOSEST_OBJ_GAP, and how far before a box a car is put back
constexpr double kLaneChange_m = 1.0;       // LANE_CHANGE_DISTANCE
constexpr double kLast_m = 1.0;             // nothing is placed in the last metre of the lap
constexpr double kGrid_m = 0.75;            // START_POS_OFFSET
constexpr std::int32_t kStandingRows = 30;  // PENALTY_SECONDS of bots, 2 s
constexpr std::uint64_t kStream = 0x0B1EC75;  // objects draw from a stream of their own

// The camera's view as SimApp's Frustum has it: 1.13 rad wide, 480 / 640 as high, pitched down by 0.2618 rad.
constexpr double kEyeAhead_m = 0.14529379, kEyeHeight_m = 0.13032555;
constexpr double kPitchSine = 0.2588196364430847, kPitchCosine = 0.9659256678396477;
constexpr double kHalfWide = 0.633936825269491;  // tan(1.13 / 2)
constexpr double kHalfHigh = 0.75 * kHalfWide;
constexpr double kViewFrom_m = 0.2, kViewTo_m = 300.0;
constexpr double kBoxFloor_m = 0.1;               // OBSTACLE_Z

double between(double low, double high, Random& random) { return low + (high - low) * random.uniform(); }

bool in_view(Point p, double z, Point eye, SinCos yaw) {
  const double ahead = (p.x - eye.x) * yaw.cosine + (p.y - eye.y) * yaw.sine;
  const double left = (p.y - eye.y) * yaw.cosine - (p.x - eye.x) * yaw.sine;
  const double up = z - kEyeHeight_m;
  const double depth = ahead * kPitchCosine - up * kPitchSine;
  const double height = ahead * kPitchSine + up * kPitchCosine;
  return depth > kViewFrom_m && depth < kViewTo_m && std::abs(left) < depth * kHalfWide &&
         std::abs(height) < depth * kHalfHigh;
}

}  // namespace

Objects::Objects(const Track& track, const ObjectRules& rules, std::size_t cars)
    : track_(track), rules_(rules), lanes_(track) {
  const BoxRules& boxes = rules.boxes;
  const std::size_t standing = boxes.places.empty() ? static_cast<std::size_t>(boxes.count) : boxes.places.size();
  const auto moving = static_cast<std::size_t>(rules.bots.count);
  per_car_ = standing + moving + (shared() ? cars - 1 : 0);
  roads_.resize(shared() ? 1 : cars);
  for (Road& road : roads_) {
    road.objects.resize(standing + moving);
    road.bots.resize(moving);
  }
  if (shared()) {
    if (static_cast<double>(cars) * kGrid_m > track.length_m()) {
      throw std::invalid_argument("the track is too short for the starting grid of so many cars");
    }
    company_.assign(cars, Object{});
  }
  solids_.resize(cars * per_car_);
  seen_.assign(cars, 0);
  halts_.assign(cars, 0);
  place(0, 0, 0, 0);  // says at once where they do not fit
}

template <typename F>
void Objects::each(std::size_t car, F f) const {
  for (const Object& object : road(car).objects) {
    if (f(object)) return;
  }
  for (std::size_t other = 0; other < company_.size(); ++other) {
    if (other != car && f(company_[other])) return;
  }
}

double Objects::gap_m(double a_m, double b_m) const {
  const double apart = std::abs(a_m - b_m);
  return track_.closed() ? std::min(apart, track_.length_m() - apart) : apart;
}

void Objects::locate(Object& object) const {
  const Point middle{object.solid.x, object.solid.y};
  const TrackState at = track_.locate(middle);
  object.along_m = at.centre.along_m;
  object.from_centre_m = at.distance_m;
  object.inner = at.left_of_centre == track_.inner_is_left();
  object.left = lanes_.left_of_centre(middle);
  const SinCos yaw = sincos(object.solid.yaw);
  const Point front{middle.x + kFront_m * yaw.cosine, middle.y + kFront_m * yaw.sine};
  object.fraction = track_.project(front).along_m / track_.length_m();
}

// Places along the centre line: evenly from one to the other, and with `random` each moved, in drawn order, to
// anywhere between its neighbours that keeps the gap.
std::vector<double> Objects::spread(std::int32_t count, double from_m, double to_m, double gap_m, bool random,
                                    Random& draws) const {
  std::vector<double> places;
  for (std::int32_t i = 0; i < count; ++i) {
    places.push_back(count == 1 ? from_m : from_m + (to_m - from_m) * i / (count - 1));
  }
  if (count > 1 && (to_m - from_m) / (count - 1) < gap_m) {
    throw std::invalid_argument("the track is too short for so many objects that far apart");
  }
  if (to_m < from_m) throw std::invalid_argument("the track is too short for objects");
  if (!random) return places;
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) order[i] = i;
  for (std::int32_t i = count - 1; i > 0; --i) {
    std::swap(order[i], order[static_cast<std::size_t>(draws.uniform() * (i + 1))]);
  }
  for (const std::int32_t i : order) {
    const double low = i == 0 ? from_m : places[i - 1] + gap_m;
    const double high = i == count - 1 ? to_m : places[i + 1] - gap_m;
    if (low < high) places[i] = between(low, high, draws);
  }
  return places;
}

void Objects::place(std::size_t car, std::uint64_t seed, std::uint64_t number, std::uint64_t episode) {
  Road& here = road(car);
  here.random = Random(seed ^ kStream, number, episode);
  here.steps = 0;
  here.standing = 0;
  place_boxes(here);
  place_bots(here);
}

void Objects::place_boxes(Road& road) const {
  const BoxRules& boxes = rules_.boxes;
  const double length = track_.length_m();
  std::vector<BoxRules::Place> places = boxes.places;
  if (places.empty() && boxes.count > 0) {
    const double from = std::max(boxes.from * length, boxes.gap_m);
    const double to = std::min(boxes.to * length, length - kLast_m);
    for (const double along : spread(boxes.count, from, to, boxes.gap_m, boxes.random, road.random)) {
      places.push_back({along / length, places.size() % 2 == 0});
    }
    if (boxes.random) {
      for (BoxRules::Place& place : places) place.inner = road.random.uniform() < 0.5;
    }
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Pose pose = lanes_.standing(places[i].fraction * length, places[i].inner);
    Object& box = road.objects[i];
    box.solid = {pose.x, pose.y, pose.yaw, kBoxHalfLength_m, kBoxHalfWidth_m, kBoxHeight_m, SolidKind::box};
    box.speed_mps = 0.0;
    box.on_road = box.touchable = true;
    locate(box);
  }
}

void Objects::place_bots(Road& road) const {
  const BotRules& rules = rules_.bots;
  if (rules.count == 0) return;
  const auto places = spread(rules.count, rules.gap_m, track_.length_m() - kLast_m, rules.gap_m, rules.random,
                             road.random);
  const std::size_t first = road.objects.size() - road.bots.size();
  for (std::size_t i = 0; i < places.size(); ++i) {
    road.bots[i].from_m = places[i];
    road.bots[i].inner = rules.random ? road.random.uniform() < 0.5 : i % 2 == 0;
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    draw_lane_change(road.bots[i], 0.0, road.random);
    Object& object = road.objects[first + i];
    object.solid = {0.0, 0.0, 0.0, kCarHalfLength_m, kCarHalfWidth_m, kCarHeight_m, SolidKind::bot};
    object.speed_mps = rules.speed_mps;
    object.on_road = object.touchable = true;
    move_bot(road, road.bots[i], object);
  }
}

void Objects::draw_lane_change(Bot& bot, double now_s, Random& random) const {
  const BotRules& rules = rules_.bots;
  bot.leaves_s = bot.arrives_s = 1e300;
  if (!rules.changes_lanes) return;
  bot.leaves_s = now_s + between(rules.straight_least_s, rules.straight_most_s, random);
  bot.arrives_s = bot.leaves_s + kLaneChange_m / rules.speed_mps;
}

void Objects::move_bot(const Road& road, const Bot& bot, Object& object) const {
  const double now_s = static_cast<double>(road.steps) * kStep_s;
  double along = bot.from_m + now_s * rules_.bots.speed_mps;
  along -= track_.length_m() * std::floor(along / track_.length_m());
  double share = 0.0, share_per_m = 0.0;
  if (now_s > bot.leaves_s) {
    const double t = std::min(1.0, (now_s - bot.leaves_s) * rules_.bots.speed_mps / kLaneChange_m);
    share = t * t * (3.0 - 2.0 * t);
    share_per_m = 6.0 * t * (1.0 - t) / kLaneChange_m;
  }
  const Pose pose = lanes_.driving(along, bot.inner, share, share_per_m);
  object.solid.x = pose.x;
  object.solid.y = pose.y;
  object.solid.yaw = pose.yaw;
  locate(object);
}

void Objects::drive(std::size_t car) {
  Road& here = road(car);
  if (here.bots.empty()) return;
  bool halts = false;
  const std::size_t last = shared() ? halts_.size() : car + 1;
  for (std::size_t i = shared() ? 0 : car; i < last; ++i) {
    halts = halts || halts_[i] != 0;
    halts_[i] = 0;
  }
  if (halts && here.standing == 0) here.standing = kStandingRows;
  if (here.standing > 0) {
    here.standing -= 1;
    return;
  }
  here.steps += 1;
  const double now_s = static_cast<double>(here.steps) * kStep_s;
  const std::size_t first = here.objects.size() - here.bots.size();
  for (std::size_t i = 0; i < here.bots.size(); ++i) {
    Bot& bot = here.bots[i];
    if (now_s >= bot.arrives_s) {
      bot.inner = !bot.inner;
      draw_lane_change(bot, now_s, here.random);
    }
    move_bot(here, bot, here.objects[first + i]);
  }
}

void Objects::note(std::size_t car, const Motion& motion, double speed_mps, bool on_road, bool touchable) {
  Object& object = company_[car];
  object.solid = {motion.x, motion.y, motion.yaw, kCarHalfLength_m, kCarHalfWidth_m, kCarHeight_m, SolidKind::car};
  object.speed_mps = speed_mps;
  object.on_road = on_road;
  object.touchable = touchable && rules_.others == Others::solid;
  locate(object);
}

Pose Objects::start_pose(std::size_t car, double fraction) const {
  double nearest = kNear_m;
  const Object* by = nullptr;
  each(car, [&](const Object& object) {
    const double apart = gap_m(object.along_m, fraction * track_.length_m());
    if (object.on_road && apart < nearest) {
      nearest = apart;
      by = &object;
    }
    return false;
  });
  return by == nullptr ? track_.start_pose(fraction) : track_.lane_pose(fraction, !by->inner);
}

Pose Objects::grid_pose(std::size_t car, double fraction) const {
  if (company_.size() == 1) return track_.start_pose(fraction);
  double place = fraction - static_cast<double>(car) * kGrid_m / track_.length_m();
  if (place < 0.0) place = track_.closed() ? place + 1.0 : 0.0;
  return track_.lane_pose(place, car % 2 == 1);
}

std::int32_t Objects::box_near(std::size_t car, double fraction) const {
  double nearest = kNear_m;
  std::int32_t found = -1, index = 0;
  for (const Object& object : road(car).objects) {
    const double apart = gap_m(object.along_m, fraction * track_.length_m());
    if (object.solid.kind == SolidKind::box && apart < nearest) {
      nearest = apart;
      found = index;
    }
    ++index;
  }
  return found;
}

Pose Objects::pose_beside(std::size_t car, std::int32_t box, bool beyond) const {
  const Object& object = road(car).objects[static_cast<std::size_t>(box)];
  double fraction = (object.along_m + (beyond ? kNear_m : -kNear_m)) / track_.length_m();
  if (track_.closed()) {
    fraction -= std::floor(fraction);
  } else {
    fraction = std::clamp(fraction, 0.0, 1.0);
  }
  return track_.lane_pose(fraction, !object.inner);
}

Touch Objects::touched(std::size_t car, const Motion& motion, double fraction) const {
  const Footprint body{{motion.x, motion.y}, sincos(motion.yaw), kCarHalfLength_m, kCarHalfWidth_m};
  const auto corners = body.corners();
  // No corner is further from a car's middle than half its diagonal, nor a box's from its own.
  constexpr double kReach_m = 0.52;
  Touch touch;
  each(car, [&](const Object& object) {
    if (!object.on_road || !object.touchable) return false;
    if (std::abs(object.solid.x - motion.x) > kReach_m || std::abs(object.solid.y - motion.y) > kReach_m) return false;
    const Footprint hit = struck(object.solid);
    if (std::none_of(corners.begin(), corners.end(), [&](Point p) { return hit.contains(p); })) return false;
    if (object.solid.kind == SolidKind::box) {
      touch.kind = Touch::Kind::box;
    } else {
      touch.kind = fraction < object.fraction ? Touch::Kind::behind : Touch::Kind::ahead;
      touch.by_bot = object.solid.kind == SolidKind::bot && fraction > object.fraction;
    }
    return true;
  });
  return touch;
}

void Objects::write(std::size_t car, const Motion& motion, SinCos yaw, double along_m, double* out) {
  double* columns = out + kObjectsColumns;
  const Object* before = nullptr;  // nearest along the line, not after the car; and nearest after it
  const Object* after = nullptr;
  const Object* first = nullptr;   // of all, in the order along the line
  const Object* last = nullptr;
  double before_index = 0.0, after_index = 0.0, first_index = 0.0, last_index = 0.0, index = 0.0;
  std::size_t seen = 0;
  each(car, [&](const Object& object) {
    if (object.along_m <= along_m && (before == nullptr || object.along_m >= before->along_m)) {
      before = &object;
      before_index = index;
    }
    if (object.along_m > along_m && (after == nullptr || object.along_m < after->along_m)) {
      after = &object;
      after_index = index;
    }
    if (first == nullptr || object.along_m < first->along_m) {
      first = &object;
      first_index = index;
    }
    if (last == nullptr || object.along_m >= last->along_m) {
      last = &object;
      last_index = index;
    }
    const Solid& solid = object.solid;
    *columns++ = solid.x;
    *columns++ = solid.y;
    *columns++ = solid.yaw;
    *columns++ = object.speed_mps;
    *columns++ = object.along_m;
    *columns++ = object.from_centre_m;
    *columns++ = object.left;
    *columns++ = object.on_road ? static_cast<double>(solid.kind) : 3.0;
    if (object.on_road) solids_[car * per_car_ + seen++] = solid;
    index += 1.0;
    return false;
  });
  seen_[car] = seen;
  if (first == nullptr) return;
  const Object& next = after == nullptr ? *first : *after;
  out[0] = before == nullptr ? last_index : before_index;
  out[1] = after == nullptr ? first_index : after_index;
  const Footprint area = struck(next.solid);
  const double floor_m = next.solid.kind == SolidKind::box ? kBoxFloor_m : 0.0;
  const Point eye{motion.x + kEyeAhead_m * yaw.cosine, motion.y + kEyeAhead_m * yaw.sine};
  bool visible = in_view(area.middle, floor_m, eye, yaw);
  for (const Point corner : area.corners()) visible = visible || in_view(corner, floor_m, eye, yaw);
  out[2] = visible && next.on_road;
}

}  // namespace paddock
