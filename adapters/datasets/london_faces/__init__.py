"""Faces of 102 people with two expressions."""
