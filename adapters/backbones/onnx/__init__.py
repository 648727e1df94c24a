"""Frozen encoders and decoders given as ONNX files."""
