last = {"progress": 0.0, "steps": 0}


def reward_function(params):
    """Pay for the way that the car made along the track since its last step: who is round sooner earns more."""
    progress, steps = params["progress"], params["steps"]
    same_lap = steps == last["steps"] + 1 and abs(progress - last["progress"]) < 50

    made = (progress - last["progress"]) / 100 * params["track_length"] if same_lap else 0.0
    last["progress"], last["steps"] = progress, steps

    # metres: 0.27 in one step of 1/15 s at 4 m/s
    return float(max(made, 0.001))
