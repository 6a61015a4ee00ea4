"""`python -m neo_core` is `neo`."""

from neo_core.cli import main

if __name__ == "__main__":
    main()
