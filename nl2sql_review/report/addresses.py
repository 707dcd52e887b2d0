"""Addresses of the project. The owner fills in the address of its site here, and nowhere else.

`.example` names belong to nobody (RFC 2606), so until then no link leads to a stranger.
"""

from __future__ import annotations

SITE = "https://nl2sql-review.example/"
