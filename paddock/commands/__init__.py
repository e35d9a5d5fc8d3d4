"""The commands of `paddock`, a file for each kind. Heavy imports wait until a command runs."""
