"""An XRPL node in one process, for development, tests and demonstrations."""
