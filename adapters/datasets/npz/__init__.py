"""Pictures and labels in one `.npz` file."""
