def reward_function(params):
    """Pay more the nearer the car is to the centre line."""
    half_width = params["track_width"] / 2
    # 0 on the centre line, 1 on the border
    offset = params["distance_from_center"] / half_width

    if offset <= 0.2:
        reward = 1.0
    elif offset <= 0.5:
        reward = 0.5
    elif offset <= 1.0:
        reward = 0.1
    else:
        reward = 0.001  # on its way off the track

    return float(reward)
