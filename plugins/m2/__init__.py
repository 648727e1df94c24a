"""M2: a class and a style that an encoder reads beside it, with labels of some rows (Kingma et al. 2014)."""
