#!/bin/sh
# Pid 1 of a node: runs inside the node's own mount, pid, network, ipc and uts namespaces.
# Usage: node-init.sh NODE_DIR BINARIES_DIR NODE_NAME NODE_IP/PREFIX GATEWAY [PEER_PODS=PEER_IP ...]
# When it dies the kernel kills everything in the pid namespace; mounts and network go with it.
set -eu

node_dir=$1 binaries=$2 name=$3 address=$4 gateway=$5
shift 5

# Shared among the node's own containers, private towards the machine (unshare made it so).
mount --make-rshared /

# The cluster's directory may lie anywhere, also below what is covered next; in here it is always /mnt/node.
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/node /mnt/bin
mount --bind "$node_dir" /mnt/node
mount --bind "$binaries" /mnt/bin
cd /mnt/node

# Fixed paths of kubelet, containerd and CNI: covered by the node's own, so nodes and machine never meet there.
mount --bind /mnt/node/var-lib /var/lib
mount --bind /mnt/node/var-log /var/log
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/containerd /run/netns /run/lock
[ -L /var/run ] || mount --bind /run /var/run

# The kubelet sets these for the whole machine. It finds them set in here, and the machine keeps its own.
pretend() {
    [ -e "/proc/sys/$1" ] || return 0
    mkdir -p /mnt/sysctl
    file=/mnt/sysctl/$(echo "$1" | tr / .)
    echo "$2" > "$file"
    mount --bind "$file" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

hostname "$name"
ip link set lo up
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip addr add "$address" dev eth0
ip link set eth0 up
ip route add default via "$gateway"
for peer in "$@"; do
    ip route add "${peer%=*}" via "${peer#*=}"
done
echo 1 > /proc/sys/net/ipv4/ip_forward

# A program that ends is started again, as systemd would do on a real node.
keep() {
    program=$1
    shift
    while :; do
        "$@" >>"/mnt/node/logs/$program.log" 2>&1 || :
        echo "$program" >> /mnt/node/ended
        sleep 1
    done
}

keep containerd containerd --config /mnt/node/containerd.toml &
until ctr version >/dev/null 2>&1; do sleep 0.05; done
for archive in /mnt/node/images/*.tar; do
    ctr -n k8s.io images import "$archive" >>/mnt/node/logs/images.log 2>&1 || touch /mnt/node/images-failed
done

# The kubelet would wait longer and longer between attempts if it came before the API server.
until [ -e /mnt/node/api-ready ]; do sleep 0.05; done
keep kubelet /mnt/bin/kubelet --config=/mnt/node/kubelet.yaml --kubeconfig=/mnt/node/kubelet.kubeconfig \
    --hostname-override="$name" --node-ip="${address%/*}" --cert-dir=/var/lib/kubelet/pki &
keep kube-proxy /mnt/bin/kube-proxy --config=/mnt/node/kube-proxy.yaml &

# Pid 1 collects orphans (the shims of containerd); it never ends by itself.
while :; do
    wait
    sleep 1
done
