"""Image classifiers of torchvision as encoders."""
