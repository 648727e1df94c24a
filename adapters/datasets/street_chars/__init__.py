"""Characters from photographs of streets."""
