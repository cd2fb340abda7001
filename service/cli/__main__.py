"""`python -m service.cli`: the same as `claimdesk`."""

from service.cli import main

if __name__ == "__main__":
    main()
