# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an instance of etcd is on a host; the same as ``instance_spec``. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """A service, and its directories."""

    DOCUMENTATION = r"""
options:
  service:
    description:
      - The name of the unit without its ending, or of the line in the Procfile.
      - Several instances on one machine differ in it, and in their directories and ports.
    type: str
    default: etcd
  deployment:
    description:
      - What runs the server. V(systemd) is a unit of the system's manager.
      - V(docker) and V(podman) are such a unit, too, one that runs a container.
      - V(procfile) is a line of a Procfile, run on its own by a Procfile runner, without root.
    type: str
    choices:
      - systemd
      - docker
      - podman
      - procfile
    default: systemd
  config_dir:
    description: The directory with the environment files and the link to the release.
    type: path
    default: /etc/etcd
  data_dir:
    description: The data directory. One that a running server, or the environment on the host, names comes first.
    type: path
    default: /var/lib/etcd
  release_dir:
    description:
      - The directory with the releases side by side.
      - For V(docker) and V(podman) the repository of the images, such as V(gcr.io/etcd-development/etcd).
    type: path
    default: /opt/etcd
  procfile_dir:
    description:
      - The directory with the C(Procfile). It is the working directory of the servers, and holds their output in
        C(log) and the PIDs of their runners in C(run).
      - Required if O(deployment=procfile).
    type: path
  procfile_runner:
    description: The Procfile runner, by name or absolute path. It is called as C(RUNNER start SERVICE).
    type: str
    default: honcho
  owner:
    description: The system user that a unit runs the server as. A Procfile's server runs as who starts it.
    type: str
    default: etcd
"""
