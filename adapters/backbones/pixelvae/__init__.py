"""The frozen encoder of another backbone and an autoregressive decoder: a gated PixelCNN given the latent."""
