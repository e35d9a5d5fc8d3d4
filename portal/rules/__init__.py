"""What is allowed and what happens: plain functions over a session. No Flask, no Redis, no clock of their own."""
