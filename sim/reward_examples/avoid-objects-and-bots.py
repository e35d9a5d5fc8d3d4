import math

NEAR = 0.3  # metres: about to touch
CAREFUL = 0.8  # metres: time to change lanes


def reward_function(params):
    """Stay on the track, and keep away from the next object while it is in the car's own lane."""
    half_width = params["track_width"] / 2
    if not params["all_wheels_on_track"] or params["distance_from_center"] > half_width:
        return 0.001

    reward = 1.0
    if params["distance_from_center"] < 0.25 * half_width:
        reward += 0.5

    locations = params["objects_location"]
    if locations:
        _, ahead = params["closest_objects"]
        x, y = locations[ahead]
        distance = math.hypot(x - params["x"], y - params["y"])
        same_lane = params["objects_left_of_center"][ahead] == params["is_left_of_center"]

        if same_lane and distance < NEAR:
            reward = 0.001
        elif same_lane and distance < CAREFUL:
            reward *= 0.2

    return float(reward)
