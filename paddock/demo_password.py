"""The password of the demo's people: everybody knows it, so the demo is for 127.0.0.1 only."""

DEMO_PASSWORD = "paddock-demo"  # noqa: S105
