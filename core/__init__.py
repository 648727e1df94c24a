"""Interfaces and verbs: attach, fit, evaluate, export, serve; names no plug-in."""
