"""DR-GAN: an identity code and a pose that is stated, by a discriminator that knows identities and poses (Tran 2017)."""
