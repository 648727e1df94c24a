"""Prints, then raises."""

print("this must not reach stdout")
raise RuntimeError("the manifest is broken")
