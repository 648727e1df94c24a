"""Matching: few-shot reference heads that attend to the support set (after Vinyals et al. 2016)."""
