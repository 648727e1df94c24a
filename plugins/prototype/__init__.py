"""Prototype: few-shot reference heads on the same frozen latents (after Snell et al. 2017)."""
