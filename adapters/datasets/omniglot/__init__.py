"""Handwritten characters of fifty alphabets."""
