"""An encoder-only backbone with a decoder trained on its frozen features."""
