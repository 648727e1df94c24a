"""Ways to get a frozen backbone: one folder each."""
