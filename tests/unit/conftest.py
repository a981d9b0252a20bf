# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes this tree importable as a collection, and properties repeatable.

``HYPOTHESIS_PROFILE=search`` looks for new examples, and for more of them, instead of the same ones every time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import configuration, settings

_CACHE = Path(__file__).resolve().parents[2] / ".cache"

# ansible-test brings its own importer, and a copy of the tree that has no .cache
if (_CACHE / "ansible_collections").is_dir():
    sys.path.insert(0, str(_CACHE))
    configuration.set_hypothesis_home_dir(_CACHE / "hypothesis")

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
