"""Data sets that torchvision reads."""
