"""Adversarially learned inference, and BiGAN: the same with a deterministic encoder."""
