"""Before anything is paid: whether all of it is there, and what it will take."""
