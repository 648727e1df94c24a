"""A normalising flow of pictures, whose inverse is exact."""
