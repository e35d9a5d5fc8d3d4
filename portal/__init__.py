"""The web application and the rules of the house."""
