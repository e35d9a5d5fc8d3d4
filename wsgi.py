"""The portal as a plain WSGI application, for any server: `wsgi:app`."""

import os

from portal.app import create_app
from portal.settings import Settings

app = create_app(Settings.read(os.environ))
