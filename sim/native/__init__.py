"""The compiled core; `sim.world` and `sim.policy` are what the rest of Paddock uses."""
