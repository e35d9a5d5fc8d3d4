def reward_function(params):
    """Pay while every wheel is on the track and the car keeps a little distance to the border."""
    to_border = params["track_width"] / 2 - params["distance_from_center"]

    if params["all_wheels_on_track"] and to_border >= 0.05:
        return 1.0
    return 0.001
