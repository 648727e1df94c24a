"""Japanese characters in many typefaces, embedded in the package."""
