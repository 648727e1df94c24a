"""Two manifests that cannot be imported."""
