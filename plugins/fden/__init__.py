"""FDEN: a factorised disentangler and entangler (Yoon and Suk 2019)."""
