"""``python -m equal_assets.cli`` is ``equal``."""

from equal_assets.cli.main import main

if __name__ == "__main__":
    main(prog_name="equal")
