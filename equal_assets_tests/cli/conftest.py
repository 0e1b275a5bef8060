"""The stored campaign of the export's tests, for the tests of the commands that read one."""

from equal_assets_tests.export.conftest import export, stored, unchanged

__all__ = ["export", "stored", "unchanged"]
