"""The published checkpoints, by hash: what is known of their licence and training data."""

from pathlib import Path

from unbraid.core.checkpoints import Statement, sha256_of

_SOURCE = "github.com/YannDubs/disentangling-vae"
_LICENCE = "MIT"
#: What a licence of the images says of the use of models is for the user to judge; here it is only repeated.
_LICENCES = {"celeba": f"{_LICENCE}; trained on CelebA, whose images are for non-commercial research"}
#: SHA-256 of a file -> what it was trained on.
_TRAINED_ON = {
    "a9e1e6cd8f6d26680b9252dd30168b47b7ace801dcd3b60e2cb91ffa57768b56": "celeba:train",  # VAE_celeba
    "d59cf8691ecf38e99784beabfd664c92543bec2232135da8dda07b7d8fb69154": "dsprites:train",  # VAE_dsprites
    "8ea62efbadb2dec11c5e9bd33b21d9045e010ba331fece62b635a6abb90a20a2": "mnist:train",  # VAE_mnist
    "d227ed5812df7cd81de382ca53dec905c2052007b5891c893deffe307d5109de": "mnist:train",  # betaB_mnist
    "2fb877b4d1634dce97f4afe7bb2f03e705c8306d0e149f33293d50bec96fb2a5": "mnist:train",  # betaH_mnist
    "61c1e59fc3e66c56bffefe2ce90e1da24a8969d2e0148a8a1db45544ed5d6d44": "celeba:train",  # btcvae_celeba
    "ea86d65dbbcfe0534d92a7b152187c8056f1841b0e5e57512937b53b5bb3ed72": "dsprites:train",  # btcvae_dsprites
    "c4d8c308fc35dc9d2b9f449b394908a5857ebbf105422c2133d23949bc04efa3": "mnist:train",  # btcvae_mnist
    "6baabb72ad2d43ae2872cbd73130aa11f749dd6891517d4c5c818e6fdb124a96": "celeba:train",  # factor_celeba
    "363af41ccc1ea4000b40659cc325db26c0839b789a9461977403298646cc9e5f": "dsprites:train",  # factor_dsprites
    "19e8c3c59d9d827a495a9161781df12fa8407104c17f246e59540478aaf0675f": "mnist:train",  # factor_mnist
}


def known(file: Path) -> Statement:
    """Give what is known of a file; nothing where it is none of the published ones."""
    trained_on = _TRAINED_ON.get(sha256_of(file), "")
    licence = _LICENCES.get(trained_on.partition(":")[0], _LICENCE)
    return Statement(licence=licence, source=_SOURCE, trained_on=trained_on) if trained_on else Statement()
