#!/usr/bin/env bash
# Boots Debian's cloud kernel in qemu (no KVM needed, about two minutes) and runs a pipeline with `resources`
# there, as root in the root group of a cgroup v2 hierarchy. Prints the bounds that a step saw, and what became
# of two that took too much memory. docs/reliability.md says what is to be seen.
#
#   apt-get install --no-install-recommends qemu-system-x86 busybox-static
#   integration-tests/cgroup_v2.sh target/debug/ropewalk
set -euo pipefail
BINARY=$(realpath "$1")
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
cd "$SCRATCH"

KERNEL=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
apt-get download -qq "$KERNEL" 2>/dev/null
dpkg-deb -x linux-image-*.deb kernel

mkdir -p root/{bin,proc,sys,dev,tmp,work}
cp "$(command -v busybox)" root/bin/busybox
strip -o root/bin/ropewalk "$BINARY"
# The libraries, at their own paths.
ldd "$BINARY" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "root$(dirname "$library")"
  cp -L "$library" "root$library"
done

cat > root/work.yaml <<'PIPELINE'
name: bounded
steps:
  shown:
    run: |
      group=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)
      for file in memory.max memory.swap.max cpu.max pids.max; do echo "$file $(cat $group/$file)"; done
      i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done
      grep nr_throttled $group/cpu.stat
    resources: { cpu: 0.5, memory: 64MiB }
  hungry:
    run: exec tail /dev/zero
    needs: [shown]
    resources: { memory: 64MiB }
    allow_failure: true
  parent:
    run: tail /dev/zero || echo "a child ended with $?"
    needs: [hungry]
    resources: { memory: 64MiB }
PIPELINE

cat > root/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/work
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mount -t tmpfs -o size=3g work /work
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
cd /work; cp /work.yaml pipeline.yaml; touch ropewalk.yaml
{
  ropewalk serve > serve.log 2>&1 &
  i=0; while [ ! -e .ropewalk/daemon.json ] && [ $i -lt 100 ]; do sleep 1; i=$((i+1)); done
  ropewalk run --quiet --color never pipeline.yaml; echo "exit $?"
  for step in shown hungry parent; do echo "-- log of $step"; ropewalk logs latest $step; done
  ropewalk stop
  i=0; while ls /sys/fs/cgroup | grep -q ropewalk && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done
  echo "-- groups left: $(ls /sys/fs/cgroup | grep -c ropewalk)"
} > out 2>&1
cat out; sleep 1; poweroff -f
INIT
chmod +x root/init
(cd root && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) > initrd.gz
timeout 600 qemu-system-x86_64 -accel tcg -m 1500 -smp 2 -kernel kernel/boot/vmlinuz-* -initrd initrd.gz \
  -nographic -no-reboot -append "console=ttyS0 quiet panic=-1" | tr -d '\r'
