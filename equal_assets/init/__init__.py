"""``equal init``: documents and questions are looked at, and a project is written for them."""
