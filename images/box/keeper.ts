/**
 * The keeper of a sandbox: a small shell script, pid 1 of a pid namespace around the box, so that when it dies all of the sandbox dies. It has a
 * mount namespace of its own, so that no mount of a sandbox is ever seen on the machine, nor left on it. It outlives the server.
 *
 * It gets from its parent: `fd 3`, the agent's listening socket; further descriptors that only need to stay open (the lease of the ids); and on its
 * standard input, once the user namespace is mapped and the cgroups are made, the line `go` and the cgroups' folders.
 */
export const keeperScript = `set -eu
if [ "\${KEEPER_STAGE:-}" != 2 ]; then
  echo ready; read -r go groups; [ "$go" = go ]
  # A new program start, so that the ids that were mapped meanwhile count
  # (and, since a new start with more rights forgets it, die with the parent once more).
  KEEPER_STAGE=2 KEEPER_GROUPS=$groups exec setpriv --pdeathsig KILL sh "$0"
fi
exec < /dev/null > /dev/null
unset KEEPER_STAGE
base=$KEEPER_BASE home=$KEEPER_BASE/home saved=$KEEPER_RUN/saved

# The home is a tmpfs, so that its size holds; what changed in it is saved every few seconds and at the end. Archives are written and read with the
# learner's rights and no more: nothing in a home can make this process, which has many, read or write elsewhere.
as_learner() {
  setpriv --reuid "$KEEPER_LEARNER" --regid "$KEEPER_LEARNER" --clear-groups --inh-caps=-all --no-new-privs "$@"
}
archive() {
  umask 077
  ulimit -f $((KEEPER_DISK / 256))
  as_learner tar -C "$home" --sparse --ignore-failed-read -cf - . > "$KEEPER_HOME.new" 2>/dev/null || [ $? = 1 ]
}
save() {
  touch "$saved.new"
  ( archive ) && mv "$KEEPER_HOME.new" "$KEEPER_HOME" && mv "$saved.new" "$saved"
}
saver() {
  while sleep "$KEEPER_SAVE_SECONDS"; do
    [ -z "$(find "$home" -cnewer "$saved" -print -quit)" ] || save || :
  done
}
counter() {
  for group in $KEEPER_GROUPS; do
    for name in "$@"; do [ ! -r "$group/world/$name" ] || { echo "$group/world/$name"; return; }; done
  done
  echo /dev/null
}
limits() {
  for group in $KEEPER_GROUPS; do printf '%s' "$group/$1/cgroup.procs "; done
}
gone() {
  [ ! -d "$1" ] || rmdir "$1" 2>/dev/null || [ "$turns" -gt 300 ] || { turns=$((turns + 1)); sleep 0.01; gone "$1"; }
}
finish() {
  trap '' TERM INT
  kill -KILL -1 2>/dev/null || :
  wait || :
  save || echo "the home was not saved" >&2
  umount /sys/fs/cgroup 2>/dev/null || :
  turns=0
  # A scope of systemd holds this process too, and goes with it.
  for group in $KEEPER_GROUPS; do
    gone "$group/world"; gone "$group/box"
    case $group in */unicorn/*) gone "$group"; rmdir "\${group%/*}" 2>/dev/null || : ;; esac
  done
  rm -rf "$KEEPER_RUN"
  exit 0
}
trap finish TERM INT

mount -t tmpfs -o mode=755,size=256k,nr_inodes=64 unicorn "$base"
mkdir -p "$home" "$base/runtime" "$base/box" "$base/events"
mount -t tmpfs -o "nosuid,nodev,mode=700,size=$KEEPER_DISK,nr_inodes=16k,uid=$KEEPER_LEARNER,gid=$KEEPER_LEARNER" unicorn "$home"
mount --bind "$KEEPER_RUNTIME" "$base/runtime"
mount --bind "$KEEPER_RUN/box" "$base/box"
mount -t proc -o nosuid,nodev,noexec proc /proc
[ ! -e "$KEEPER_HOME" ] || as_learner tar -C "$home" -xf - < "$KEEPER_HOME"
chown "$KEEPER_FIRST:$KEEPER_FIRST" "$base/events"
touch "$saved"

# From 4 and 5 the agent reads how often the world met its limits on memory and processes; by 6, 7 and 8 it puts the world's processes into them.
# This process itself stays outside of all.
descriptors=1
set -- $(limits world)
[ $# -lt 1 ] || { descriptors=$((3 + $#)); exec 4< "$(counter memory.events memory.oom_control)" 5< "$(counter pids.events)" 6> "$1"; }
[ $# -lt 2 ] || exec 7> "$2"
[ $# -lt 3 ] || exec 8> "$3"
for file in "$@" $(limits .); do chown "$KEEPER_FIRST" "$file"; done
# The box holds the pipe's other end as its standard output: when the box is gone, reading it ends. No crun stays to wait, which takes 2 MB.
mkfifo "$base/alive"
(
  for file in $(limits box); do echo 0 > "$file"; done
  # crun 1.8 refuses a mixed cgroup tree, and needs none: the limits are set.
  mount -t tmpfs -o mode=755,size=64k unicorn /sys/fs/cgroup
  exec crun --root "$base/crun" --cgroup-manager=disabled run --detach --no-new-keyring --preserve-fds=$descriptors -b "$base/box" box
) > "$base/alive" &
exec 3<&- 4<&- 5<&- 6>&- 7>&- 8>&-
saver &
while read -r _; do :; done < "$base/alive" &
wait "$!" || :
finish
`;

/**
 * Runs its arguments in the world's limits. The box's pid 1 has inherited the files to write to; opened anew through it, they are the box's root's own.
 */
export const limitedScript = `#!/bin/sh
for n in 6 7 8; do
  [ ! -e /proc/1/fd/$n ] || echo 0 > /proc/1/fd/$n || exit 126
done
# Where memory is short for all of the sandbox, the learner's are to be ended: the agent is the largest beside many small ones.
echo 1000 > /proc/self/oom_score_adj || exit 126
# The world's processes count as the agent's too where the kernel counts by user: leave it some. (dash says -p for bash's -u.)
most=$(ulimit -u 2>/dev/null || ulimit -p)
case $most in
  unlimited) ;;
  *) most=$((most > 96 ? most - 48 : most / 2)); ulimit -u $most 2>/dev/null || ulimit -p $most ;;
esac
exec "$@"
`;

/**
 * Starts the world and waits until its pid 1 has come to its endless sleep: crun returns a little before that program is started, and may not join
 * what it has not become yet.
 */
export const whenReadyScript = `#!/bin/sh
file=$1; shift
"$@" || exit
read -r pid < "$file" || [ -n "$pid" ]
turns=0
until read -r child < /proc/$pid/task/$pid/children || [ -n "$child" ]; do
  turns=$((turns + 1)); [ $turns -lt 500 ] || exit 1
  sleep 0.01
done
`;
