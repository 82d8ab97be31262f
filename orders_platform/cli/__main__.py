"""`python -m orders_platform.cli`."""

from orders_platform.cli.main import main

if __name__ == "__main__":
    main()
