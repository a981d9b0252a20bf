#!/usr/bin/env bash
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The smallest script that does with ssh what the role does, to measure the role by. It looks at nothing, plans
# nothing, checks nothing, puts nothing back, and cannot be run again after a failure.
#
#   floor.sh first VERSION MIRROR UNIT HOST=ADDRESS...   a first roll-out, all hosts at once
#   floor.sh setting NAME=VALUE HOST=ADDRESS...          one more setting, one host after the other
#
# UNIT is the unit's file. FLOOR_SSH holds the options of ssh. A setting may be that of another instance than etcd at
# port 2379: FLOOR_SERVICE and FLOOR_PORT.
set -euo pipefail
service=${FLOOR_SERVICE:-etcd}
local=http://127.0.0.1:${FLOOR_PORT:-2379}

on() {
    # shellcheck disable=SC2086  # FLOOR_SSH is several words
    ssh $FLOOR_SSH "root@$1" bash -euo pipefail -s
}

first() {
    local version=$1 mirror=$2 unit=$3 pair cluster='' status=0 jobs=()
    shift 3
    for pair in "$@"; do
        cluster+=,${pair%%=*}=http://${pair#*=}:2380
    done
    cluster=${cluster#,}
    for pair in "$@"; do
        first_on "${pair%%=*}" "${pair#*=}" &
        jobs+=("$!")
    done
    for job in "${jobs[@]}"; do
        wait "$job" || status=1
    done
    return "$status"
}

first_on() {
    local name=$1 address=$2 archive=etcd-v$version-linux-amd64
    on "$address" <<END
cd /tmp
curl -fsSO $mirror/v$version/$archive.tar.gz -O $mirror/v$version/SHA256SUMS
grep $archive.tar.gz SHA256SUMS | sha256sum --check --quiet
mkdir -p /opt/etcd/$version /etc/etcd
tar -xzf $archive.tar.gz -C /opt/etcd/$version --strip-components=1 --no-same-owner
rm $archive.tar.gz SHA256SUMS
printf 'u etcd - "etcd" /var/lib/etcd /usr/sbin/nologin\n' >/etc/sysusers.d/etcd.conf
systemd-sysusers /etc/sysusers.d/etcd.conf
install -d -o etcd -g etcd -m 0700 /var/lib/etcd
ln -sfn /opt/etcd/$version /etc/etcd/release
cat >/etc/etcd/etcd.env <<ENV
ETCD_NAME=$name
ETCD_DATA_DIR=/var/lib/etcd
ETCD_LISTEN_PEER_URLS=http://$address:2380
ETCD_LISTEN_CLIENT_URLS=http://$address:2379,http://127.0.0.1:2379
ETCD_ADVERTISE_CLIENT_URLS=http://$address:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=http://$address:2380
ETCD_INITIAL_CLUSTER=$name=http://$address:2380
ETCD_INITIAL_CLUSTER_STATE=existing
ENV
cat >/etc/etcd/bootstrap.env <<ENV
ETCD_INITIAL_CLUSTER=$cluster
ETCD_INITIAL_CLUSTER_STATE=new
ETCD_INITIAL_CLUSTER_TOKEN=floor
ENV
cat >/etc/systemd/system/etcd.service <<'UNIT'
$(cat "$unit")
UNIT
systemctl daemon-reload
systemctl enable --now --quiet etcd
until curl -fs -m 1 http://127.0.0.1:2379/health >/dev/null; do sleep 0.05; done
rm /etc/etcd/bootstrap.env
END
}

setting() {
    local setting=$1 pair
    shift
    for pair in "$@"; do
        on "${pair#*=}" <<END
until /etc/$service/release/etcdctl --endpoints=$local endpoint health --cluster >/dev/null 2>&1; do sleep 0.05; done
printf '%s\n' '$setting' >>/etc/$service/etcd.env
systemctl restart $service
until curl -fs -m 1 $local/health >/dev/null; do sleep 0.05; done
END
    done
}

"$@"
