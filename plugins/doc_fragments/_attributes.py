# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of every module says of its attributes. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of modules; a module fills in C(support) and, where it is not C(full), C(details)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tells what it would do without changing anything.
  diff_mode:
    description: Returns in diff mode what has changed, or in check mode what would change.
  idempotent:
    description: When run twice in a row without anything else changing, the second run reports
      RV(ignore:changed=false).
"""

    # For modules that only look.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module only looks and changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module only looks and changes nothing.
  idempotent:
    support: full
    details:
      - This module only looks and changes nothing.
"""

    # For modules that talk to etcd.
    ACTIONGROUP_ETCD = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/quorum.etcd.etcd) in C(module_defaults) to set the connection options of all modules
      that talk to etcd at once.
    support: full
    membership:
      - quorum.etcd.etcd
"""
