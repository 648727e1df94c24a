"""Take out of an ONNX file what does not compute: doc strings, metadata, and shapes of inner values."""

from typing import Any

from onnx import ModelProto

# The exporter writes source lines with absolute paths into node metadata; shapes of inner values break quantisation.
_CLEARED = ("doc_string", "metadata_props", "value_info")


def strip(model: ModelProto) -> ModelProto:
    """Clear doc strings, metadata and inner shapes everywhere in the model, in place, and give it back."""
    _strip(model)
    return model


def file_bytes(model: ModelProto) -> bytes:
    """Give the bytes of the file, the same for the same model."""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _strip(message: Any) -> None:
    message.DiscardUnknownFields()
    for field, value in message.ListFields():
        if field.name in _CLEARED:
            message.ClearField(field.name)
        elif field.type == field.TYPE_MESSAGE:
            for part in [value] if hasattr(value, "ListFields") else value:
                _strip(part)
