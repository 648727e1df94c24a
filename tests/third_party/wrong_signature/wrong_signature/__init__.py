"""A hook with an argument that no specification offers."""
