"""Server-sent events: what happens now, pushed to every open page. Natively asynchronous, outside Flask.

One listener per process hears every event of the queue server; each event becomes text once; every viewer of the
channel gets the same bytes. A viewer that is slow skips to the newest, and a browser that lost its connection is told
what it missed.
"""

from portal.streams.application import app

__all__ = ["app"]
