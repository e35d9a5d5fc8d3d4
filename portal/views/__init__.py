"""What answers a request: load, permit, parse, call one rule, render. Each module offers a Blueprint named `pages`."""
