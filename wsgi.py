"""The site as a plain WSGI application, for any server: `wsgi:app`. Event streams need `paddock web`, which is ASGI."""

import os

from paddock.site import wsgi_application
from portal.app import create_app
from portal.settings import Settings

settings = Settings.read(os.environ)
portal = create_app(settings)
app = wsgi_application(portal, settings)
