"""The local OpenID provider: a small Flask application of its own, for organisations without a provider.

It is mounted at /idp of the portal. The portal talks OpenID Connect to it as to any other provider.
"""

from portal.provider.app import create_provider

__all__ = ["create_provider"]
