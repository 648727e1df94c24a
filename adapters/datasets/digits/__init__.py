"""Scikit-learn's handwritten digits."""
