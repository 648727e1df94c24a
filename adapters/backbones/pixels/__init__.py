"""The pictures themselves as latents."""
