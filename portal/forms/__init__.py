"""What a request may say: pydantic models, with errors by field."""
