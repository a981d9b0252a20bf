#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: All that a host shows of an etcd server
version_added: 0.1.0
description:
  - Looks once at everything that belongs to one instance of etcd on a host - the machine, releases, files, service,
    running process, data directory, and what the server itself answers.
  - It needs to know nothing of what is wanted but O(version), and never fails because something is down, missing or
    may not be read.
  - What may not be read counts as being there - a file as an empty one, data as V(initialised) with a
    RV(server.data.problem). As root everything can be read.
  - Secrets in environments are replaced by a digest.
extends_documentation_fragment:
  - quorum.etcd._instance
  - quorum.etcd._connection
  - quorum.etcd._attributes
  - quorum.etcd._attributes.info_module
  - quorum.etcd._attributes.actiongroup_etcd
options:
  version:
    description:
      - The version that the server shall run. Where it is of a newer minor line than the one that runs, the log is read
        for what the newer one would stumble over, see RV(server.data.v2_index).
    type: str
  endpoints:
    description:
      - Not used. The server of this host is asked where it listens, on loopback if it can be.
      - It is here so that C(module_defaults) of the action group reach this module, too.
  ca_path:
    description:
      - File with the certificate authorities that are trusted to sign the server's certificate. By default the one that
        the server itself trusts, where its C(etcd.env) names one and it can be read, else those of the system.
      - Where it is not set, the environment variable E(ETCDCTL_CACERT) is used.
  client_cert:
    description:
      - Client certificate in PEM format. It may hold the key, too. By default the server's own, where its C(etcd.env)
        names one and it can be read with its key. A server's certificate usually serves as a client's.
      - Where it is not set, the environment variable E(ETCDCTL_CERT) is used.
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.cluster_info
    description: Looks at a whole cluster over its API.
"""

EXAMPLES = r"""
- name: Look at the host's etcd
  quorum.etcd.server_info:
  register: seen

- name: Say what it runs
  ansible.builtin.debug:
    msg: "{{ seen.server.process.executable if seen.server.process else 'nothing' }}"

- name: Look at an instance that a Procfile runs
  quorum.etcd.server_info:
    deployment: procfile
    service: infra1
    procfile_dir: "{{ playbook_dir }}/run"
    config_dir: "{{ playbook_dir }}/run/infra1"
    data_dir: "{{ playbook_dir }}/run/infra1/data"
    release_dir: "{{ playbook_dir }}/releases"
"""

RETURN = r"""
server:
  description: What was seen.
  returned: success
  type: dict
  contains:
    nonce:
      description: Random, and new each time. It tells this result from an older one.
      type: str
      sample: 6f1d0c3b9a57e482
    system:
      description: The machine.
      type: dict
      contains:
        hostname:
          description: Its own name.
          type: str
          sample: etcd1
        default_address:
          description: The source address of its default route, else its only address. Empty where that is unclear.
          type: str
          sample: 192.0.2.11
        addresses:
          description: All its addresses but loopback and link-local ones.
          type: list
          elements: str
          sample: [192.0.2.11]
        architecture:
          description: As in the names of etcd's releases.
          type: str
          sample: amd64
        os_family:
          description: As in Ansible's facts. Empty where it is not known.
          type: str
          sample: Debian
        distribution:
          description: The C(ID) in F(/etc/os-release).
          type: str
          sample: debian
        distribution_version:
          description: The C(VERSION_ID) in F(/etc/os-release).
          type: str
          sample: "12"
        service_manager:
          description: V(systemd) where that runs, else empty.
          type: str
          sample: systemd
        uid:
          description: Who looked.
          type: int
          sample: 0
    service:
      description: What runs the server.
      type: dict
      contains:
        name:
          description: Name of the unit or the Procfile's line.
          type: str
          sample: etcd
        exists:
          description: Whether there is such a unit or line.
          type: bool
          sample: true
        enabled:
          description: Whether it starts at boot. For a Procfile the same as RV(server.service.exists).
          type: bool
          sample: true
        state:
          description: systemd's active state. For a Procfile V(active) or V(inactive).
          type: str
          sample: active
        main_pid:
          description: PID of the server, 0 where there is none.
          type: int
          sample: 1234
        defined:
          description: When our unit was last written, in seconds since the epoch; 0 where there is none.
          type: float
          sample: 1764425400.25
        drop_ins:
          description: Drop-ins of the unit that say how the server is started, each with etcd's variables that it sets,
            and with the directives C(ExecStart), C(UnsetEnvironment) and C(EnvironmentFile) where it has them.
          type: dict
          sample: {"/etc/systemd/system/etcd.service.d/override.conf": ["ETCD_SNAPSHOT_COUNT"]}
    files:
      description: What is written for the instance.
      type: dict
      contains:
        environment:
          description: The variables of C(etcd.env). None where there is no such file.
          type: dict
          sample: {"ETCD_NAME": "etcd1"}
        bootstrap:
          description: The variables of C(bootstrap.env), which is there until the member is formed.
          type: dict
          sample:
        definition:
          description: The text of the unit, or the Procfile's line. None where there is none.
          type: str
          sample: "[Unit]\n..."
        release:
          description: Where the release link points. None where there is none.
          type: str
          sample: /opt/etcd/3.6.16
        former:
          description: Whether an interrupted change left the files it replaced.
          type: bool
          sample: false
        proxy:
          description: Whether the host passes clients on, by a unit named as the service with C(-proxy) after it.
          type: bool
          sample: false
    data:
      description: The data directory.
      type: dict
      contains:
        held:
          description: Whether a process has it open though the service shows none.
          type: bool
          sample: false
        path:
          description: Where it is, as the running server, the environment on the host, or else O(data_dir) says.
          type: str
          sample: /var/lib/etcd
        wal_path:
          description: Where its write-ahead log is.
          type: str
          sample: /var/lib/etcd/member/wal
        state:
          description:
            - V(absent), V(empty), V(incomplete) (something is there, but no write-ahead log) or V(initialised).
          type: str
          sample: initialised
        member_id:
          description: The member's ID, from the write-ahead log.
          type: str
          sample: 8211f1d0f64f3269
        cluster_id:
          description: The cluster's ID, from the write-ahead log.
          type: str
          sample: ef37ad9dc622a7c4
        last_index:
          description: The raft index that the log ends with. Read only while there is a C(bootstrap.env).
          type: int
          sample:
        snapshot_index:
          description: The raft index of the newest snapshot, None where there is none.
          type: int
          sample: 100001
        v2_index:
          description:
            - The raft index of the last request of etcd 2's API in the log after the newest snapshot, 0 where there is
              none. etcd writes such requests itself until 3.5, and 3.7 cannot read them.
            - Looked for only where O(version) is of a newer minor line than the one that runs, else None.
          type: int
          sample: 0
        v2_reads:
          description: Whether some of these requests only read, as looks at the health of 3.4 do. 3.6 panics on them.
          type: bool
          sample: false
        v2_writes:
          description: Whether some of these requests wrote more than etcd itself does. 3.6 refuses to start with them.
          type: bool
          sample: false
        v2_keys:
          description: Whether the newest snapshot has keys of that API. 3.6 refuses to start with them.
          type: bool
          sample: false
        problem:
          description: What could not be read, and why.
          type: str
          sample: ""
    releases:
      description: The directories with an etcd, in O(release_dir) and where the release link points.
      type: list
      elements: dict
      contains:
        path:
          description: The directory.
          type: str
          sample: /opt/etcd/3.6.16
        version:
          description: As its name says, else the program. Empty where neither does.
          type: str
          sample: 3.6.16
    directories:
      description: Those of the instance's directories that are there.
      type: list
      elements: dict
      contains:
        path:
          description: The directory.
          type: str
          sample: /var/lib/etcd
        owner:
          description: Its owner.
          type: str
          sample: etcd
        group:
          description: Its group.
          type: str
          sample: etcd
        mode:
          description: Its mode, octal.
          type: str
          sample: "0700"
    user:
      description: Whether the user O(owner) exists. True for a Procfile, which needs none.
      type: bool
      sample: true
    process:
      description: The running server, None where none runs.
      type: dict
      contains:
        pid:
          description: Its PID.
          type: int
          sample: 1234
        executable:
          description: The program that runs. Empty where this user may not see it.
          type: str
          sample: /opt/etcd/3.6.16/etcd
        environment:
          description: Its variables that begin with C(ETCD_) or C(QUORUM_).
          type: dict
          sample: {"ETCD_NAME": "etcd1"}
        started:
          description: Since when it runs, in seconds since the epoch.
          type: float
          sample: 1763964000.0
        replaced:
          description: Whether the file of the program is no longer the one that runs.
          type: bool
          sample: false
        arguments:
          description: The words of its command line.
          type: list
          elements: str
          sample: []
    local:
      description: What the server answers, None where none runs.
      type: dict
      contains:
        denied:
          description: Whether it wants to know who asks, by a client certificate or as a user.
          type: bool
          sample: false
        endpoint:
          description: Where it was asked.
          type: str
          sample: http://127.0.0.1:2379
        healthy:
          description: Whether it can do a linearizable read, and no CORRUPT alarm is raised.
          type: bool
          sample: true
        problem:
          description: What is wrong, or could not be read.
          type: str
          sample: ""
        versions:
          description: Its version, and the one its cluster has agreed on. None where it does not answer.
          type: dict
          contains:
            server:
              description: Of the server.
              type: str
              sample: 3.6.16
            cluster:
              description: Of the cluster. Empty until it has agreed on one.
              type: str
              sample: 3.6.0
        status:
          description: Its own view of itself, None where it gives none.
          type: dict
          contains:
            member_id:
              description: ID of its member.
              type: str
              sample: 8211f1d0f64f3269
            cluster_id:
              description: ID of its cluster.
              type: str
              sample: ef37ad9dc622a7c4
            version:
              description: Its version.
              type: str
              sample: 3.6.16
            leader_id:
              description: ID of the leader, empty where it knows of none.
              type: str
              sample: 91bc3c398fb3c146
            is_learner:
              description: Whether it is a learner, without a vote.
              type: bool
              sample: false
            db_size:
              description: Size of the database file in bytes.
              type: int
              sample: 20480
            db_size_in_use:
              description: How much of it is used, in bytes.
              type: int
              sample: 16384
            raft_index:
              description: Index of the last entry committed.
              type: int
              sample: 12
            raft_applied_index:
              description: Index of the last entry applied.
              type: int
              sample: 12
            raft_term:
              description: The current term.
              type: int
              sample: 2
            storage_version:
              description: Version of the database's schema.
              type: str
              sample: 3.6.0
            errors:
              description: Its alarms and faults.
              type: list
              elements: str
              sample: []
            downgrade:
              description: The version that the cluster is being taken down to. Empty while it is not.
              type: str
              sample: ""
        members:
          description: The members, as a majority knows them. None where it could not give that list.
          type: list
          elements: dict
          contains: &member
            id:
              description: Its ID.
              type: str
              sample: 8211f1d0f64f3269
            name:
              description: Its name. Empty until it has started.
              type: str
              sample: etcd1
            peer_urls:
              description: Where the others reach it.
              type: list
              elements: str
              sample: ["http://192.0.2.11:2380"]
            client_urls:
              description: Where clients reach it. Empty until it has started.
              type: list
              elements: str
              sample: ["http://192.0.2.11:2379"]
            is_learner:
              description: Whether it is a learner.
              type: bool
              sample: false
        alarms:
          description: The cluster's alarms.
          type: list
          elements: dict
          contains:
            member_id:
              description: Of which member.
              type: str
              sample: 8211f1d0f64f3269
            kind:
              description: V(NOSPACE) or V(CORRUPT).
              type: str
              sample: NOSPACE
        last_known:
          description: The members as it knew them when it last had a leader. None where it has one, or cannot say.
          type: list
          elements: dict
          contains: *member
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Set password.
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import (
    ArgumentSpec,
    connection_of,
    connection_spec,
    instance_spec,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import failing
from ansible_collections.quorum.etcd.plugins.module_utils._model import encode
from ansible_collections.quorum.etcd.plugins.module_utils._observe import connector, instance_of, observe


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return ArgumentSpec({"version": {"type": "str"}}).merge(instance_spec()).merge(connection_spec())


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    with failing(module):
        instance = instance_of(module.params)
        connection, transport = connection_of(module.params), module.params["transport"]
        connect = connector(instance, connection, module.run_command, transport=transport)
        seen = observe(instance, run=module.run_command, connect=connect, version=module.params["version"] or "")
        if seen.process is not None and not seen.process.executable:
            module.warn(
                f"Process {seen.process.pid} belongs to another user: what it runs, and with which settings, "
                "cannot be read. Become root to see it."
            )
        module.exit_json(changed=False, server=encode(seen))


if __name__ == "__main__":
    main()
