"""A folder of pictures for each class."""
