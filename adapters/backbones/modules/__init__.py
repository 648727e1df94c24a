"""Any torch module with `encode` and `decode`."""
