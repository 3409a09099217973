"""They take minutes and an environment of their own: `make image-test` runs them, `make test` does not."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("IMAGE_TEST") else ["test_*.py"]
