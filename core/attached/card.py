"""The model card of a head."""

from collections.abc import Mapping
from typing import Any

import yaml


def model_card(config: Mapping[str, Any]) -> str:
    """Write the `README.md` of a head from its `config.json`.

    Args:
        config: what `describe` gives.

    Returns:
        Markdown with the YAML header that model hubs read.
    """
    method = config["method"]
    header = {
        "library_name": "unbraid",
        "base_model_relation": "adapter",
        "tags": ["unbraid", "disentanglement", method["name"]],
    }
    factors = "\n".join(
        f"| {f['name']} | {f['role']} | {' x '.join(map(str, f['shape']))} |" for f in config["factors"]
    )
    backbones = "\n".join(
        f"- {name}: {b['adapter']}, images {' x '.join(map(str, b['input']))}, latent "
        f"{' x '.join(map(str, b['latent']['shape']))}, licence {b['licence'] or 'not stated'}\n  `{b['fingerprint']}`"
        for name, b in config["backbones"].items()
    )
    return f"""---
{yaml.safe_dump(header, sort_keys=False).strip()}
---

# {method["name"]} head

A disentangler for a frozen backbone, trained with `{method["name"]}` of {method["distribution"]} {method["version"]}.
It works on this backbone only:

{backbones}

| factor | role | shape |
| --- | --- | --- |
{factors}

```python
import unbraid

model = unbraid.load("path/to/this/folder")
factors = model.disentangle(images)
```
"""
