SHARP_STEERING = 15.0  # degrees; change it to suit your action space


def reward_function(params):
    """Follow the centre line, and lose a fifth of the reward by steering sharply."""
    half_width = params["track_width"] / 2
    offset = params["distance_from_center"] / half_width

    if offset > 1.0:
        return 0.001

    # falls smoothly from 1 on the centre line to 0.1 on the border
    reward = 1.0 - 0.9 * offset

    # steering_angle is positive to the left and negative to the right
    if abs(params["steering_angle"]) > SHARP_STEERING:
        reward *= 0.8

    return float(reward)
