"""What an error says of the disk."""

from __future__ import annotations

import errno


def is_full(error: BaseException) -> bool:
    """True where there was no room to write, on the disk or within a quota."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
