"""Who may ask."""

import hmac
from hashlib import sha256

from unbraid.core.errors import ConfigError

#: Shorter ones could be tried out.
MIN_CHARACTERS = 16


class Token:
    """A bearer token, kept as its hash and compared in constant time.

    Args:
        secret: what clients send after `Bearer`.

    Raises:
        ConfigError: it is too short, or has characters no header may have.

    >>> token = Token("a-token-of-some-length")
    >>> token.admits(b"Bearer a-token-of-some-length"), token.admits(b"Bearer another"), token.admits(None)
    (True, False, False)
    """

    def __init__(self, secret: str) -> None:
        if len(secret) < MIN_CHARACTERS or not (secret.isascii() and secret.isprintable()) or " " in secret:
            raise ConfigError(
                "this token protects nothing",
                expected=f"at least {MIN_CHARACTERS} letters, digits and signs without spaces",
                found=f"{len(secret)} characters",
                hint='python -c "import secrets; print(secrets.token_urlsafe())"',
            )
        self._digest = sha256(secret.encode()).digest()

    def admits(self, authorization: bytes | None) -> bool:
        """Check the header `Authorization`; how long it takes says nothing about the token."""
        scheme, _, given = (authorization or b"").partition(b" ")
        same = hmac.compare_digest(sha256(given).digest(), self._digest)
        return same and scheme.lower() == b"bearer"
