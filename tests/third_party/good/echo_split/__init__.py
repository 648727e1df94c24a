"""A third party's method that works."""
