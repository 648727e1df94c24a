"""Digits from envelopes."""
