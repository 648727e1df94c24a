"""A plug-in written for a contract this host does not know yet."""
