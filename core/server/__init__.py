"""Bundles over HTTP and gRPC: Open Inference Protocol v2, and pictures in and out. Imports no torch.

`unbraid.core.server.run.serve` is the way in; it needs the extra `serve`.
"""
