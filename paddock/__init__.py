"""Where the rooms are put together: the `paddock` command, the server and the supervisor. No rules live here."""
