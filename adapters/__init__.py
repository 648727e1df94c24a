"""What wraps the outside world: backbones and data sets."""
