"""Characters of a variable font, with weight and width as numbers."""
