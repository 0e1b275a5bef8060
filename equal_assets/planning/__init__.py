"""Before anything is paid: whether everything is there, and what it will take."""
