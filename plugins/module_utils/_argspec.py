# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that can be put together from parts.

Private to this collection.
"""

from __future__ import annotations

import typing as t

Spec = t.Dict[str, t.Dict[str, t.Any]]


class ArgumentSpec:
    """Options with the rules between them. Never changed once made; ``merge`` gives a new one."""

    def __init__(
        self,
        argument_spec: t.Optional[Spec] = None,
        *,
        required_together: t.Sequence[t.Sequence[str]] = (),
        required_if: t.Sequence[t.Sequence[t.Any]] = (),
        required_one_of: t.Sequence[t.Sequence[str]] = (),
        mutually_exclusive: t.Sequence[t.Sequence[str]] = (),
        required_by: t.Optional[t.Mapping[str, t.Sequence[str]]] = None,
    ) -> None:
        self._argument_spec: Spec = dict(argument_spec or {})
        self._required_together = tuple(required_together)
        self._required_if = tuple(required_if)
        self._required_one_of = tuple(required_one_of)
        self._mutually_exclusive = tuple(mutually_exclusive)
        self._required_by = {key: tuple(needs) for key, needs in (required_by or {}).items()}

    def merge(self, other: ArgumentSpec) -> ArgumentSpec:
        """Both together, as a new object. Of an option that both have, ``other``'s is taken."""
        required_by = dict(self._required_by)
        for key, needs in other._required_by.items():
            known = required_by.get(key, ())
            required_by[key] = known + tuple(need for need in needs if need not in known)
        return ArgumentSpec(
            {**self._argument_spec, **other._argument_spec},
            required_together=self._required_together + other._required_together,
            required_if=self._required_if + other._required_if,
            required_one_of=self._required_one_of + other._required_one_of,
            mutually_exclusive=self._mutually_exclusive + other._mutually_exclusive,
            required_by=required_by,
        )

    def to_kwargs(self) -> t.Dict[str, t.Any]:
        """The keyword arguments of ``AnsibleModule``; fresh containers each time."""
        return {
            "argument_spec": dict(self._argument_spec),
            "required_together": list(self._required_together),
            "required_if": list(self._required_if),
            "required_one_of": list(self._required_one_of),
            "mutually_exclusive": list(self._mutually_exclusive),
            "required_by": dict(self._required_by),
        }


__all__ = ("ArgumentSpec",)
