# For scripts/demo, scripts/bench and scripts/bench-many: a network of their own with nodes and sources in it. Sourced,
# not run.
#
# After lab_start: $work (a directory that goes at the end), $origin (the sources' address), $node (the first node's),
# $disk (where the first node's root is seen from here), $disks (the same of all), $ays (the binary).

# lab_peer NAME REQUIREMENT: another tool from PyPI, into $AYS_TEST_CACHE/NAME (default /var/cache/ays-tests), once.
lab_peer() {
  [[ ${AYS_LAB:-} == "" ]] || return 0
  local venv=${AYS_TEST_CACHE:-/var/cache/ays-tests}/$1
  [[ ! -e $venv/complete ]] || return 0
  rm -rf "$venv"
  mkdir -p "${venv%/*}"
  python3 -m venv "$venv"
  timeout 600 "$venv/bin/pip" -q install "$2"
  touch "$venv/complete"
}

# lab_enter SECONDS [ARGUMENT..]: builds ays, then goes on in namespaces of its own, with the script's arguments, at
# most so long. They end with all that runs in them; where they are not allowed, it goes on on loopback.
lab_enter() {
  [[ ${AYS_LAB:-} == "" ]] || return 0
  if ((EUID != 0)); then
    echo "${0##*/}: run it as root: it starts an sshd and servers" >&2
    exit 1
  fi
  scripts/install-test-parts
  timeout 3000 cargo build --release --quiet
  export AYS_LAB=namespaces
  if unshare --net --mount --pid --fork --mount-proc true 2>/dev/null; then
    exec timeout --foreground "$1" \
      unshare --net --mount --pid --fork --kill-child --mount-proc "$PWD/scripts/${0##*/}" "${@:2}"
  fi
  echo "${0##*/}: namespaces are not allowed here: the node is this machine, on loopback"
  export AYS_LAB=loopback
}

# lab_start [DISK_SIZE] [NODES]: the network, the nodes (one, if nothing is said), and an operator whose ssh knows them.
lab_start() {
  ays=$(realpath "${CARGO_TARGET_DIR:-target}/release/ays")
  work=$(mktemp -d)
  started=()
  trap lab_end EXIT
  chmod 755 "$work"
  mkdir -p "$work"/{served,home/.ssh,nginx,tmp}
  ssh-keygen -q -t ed25519 -N '' -C operator -f "$work/operator"
  if [[ $AYS_LAB == loopback ]]; then
    origin=127.0.0.62 node=127.0.1.11 disks=('')
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -C n1 -f "$work/host"
    /usr/sbin/sshd -D -e -f /dev/null -o ListenAddress=$node -o HostKey="$work/host" -o PidFile=none \
      -o AuthorizedKeysFile="$work/operator.pub" -o StrictModes=no -o UseDNS=no 2>"$work/sshd.log" &
    started+=($!)
    lab_await "$work/sshd.log" 'Server listening'
    lab_known $node "$work/host.pub"
  else
    origin=10.199.0.2 node=10.199.0.11 disks=()
    ip link set lo up
    ip link add br0 type bridge
    ip address add 10.199.0.1/16 dev br0
    ip link set br0 up
    lab_nodes "${2:-1}" "${1:-1g}"
  fi
  disk=${disks[0]}
  # No connection of ays outlives it, unless a script asks for that.
  export HOME=$work/home AYS_HOME=$work/state TMPDIR=$work/tmp GIT_CONFIG_GLOBAL=/dev/null AYS_SSH_KEEP=0s
  unset SSH_AUTH_SOCK
  cat >"$HOME/.ssh/config" <<END
IdentityFile $work/operator
IdentitiesOnly yes
UserKnownHostsFile $HOME/.ssh/known_hosts
END
}

# lab_nodes COUNT DISK_SIZE: nodes n1 at 10.199.0.11 and on, started at once.
lab_nodes() {
  local number root
  for ((number = 1; number <= $1; number++)); do
    scripts/node "n$number" "10.199.0.$((10 + number))/16" "$work/operator.pub" full "$2" \
      >"$work/first.$number" 2>"$work/sshd.$number.log" &
    started+=($!)
  done
  for ((number = 1; number <= $1; number++)); do
    lab_await "$work/sshd.$number.log" 'Server listening'
    root=/proc/$(<"$work/first.$number")/root
    disks+=("$root")
    lab_known "10.199.0.$((10 + number))" "$root/etc/ssh/ssh_host_ed25519_key.pub"
  done
}

# lab_known ADDRESS KEY: the operator's ssh knows the host key.
lab_known() {
  echo "$1 $(cut -d' ' -f1,2 "$2")" >>"$work/home/.ssh/known_hosts"
}

# Ends what was started, and leaves nothing.
lab_end() {
  for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done
  rm -rf "$work"
}

# lab_await FILE TEXT: waits until the file holds the text, at most ten seconds.
lab_await() {
  timeout 10 bash -c 'until grep -qs -- "$2" "$1"; do sleep 0.02; done' await "$1" "$2" ||
    { cat "$1" >&2; exit 1; }
}

# Serves $work/served at http://$origin. In namespaces the source is a machine of its own: its end of the link in the
# lab is to-origin, and $work/nginx/sent has the bytes of each answer's body.
lab_http() {
  cat >"$work/nginx/conf" <<END
daemon off; master_process off; user root; pid $work/nginx/pid; error_log $work/nginx/log notice;
events { worker_connections 1024; }
http {
  log_format bytes '\$body_bytes_sent'; access_log $work/nginx/sent bytes;
  sendfile on; client_body_temp_path $work/nginx/a; proxy_temp_path $work/nginx/b;
  fastcgi_temp_path $work/nginx/c; uwsgi_temp_path $work/nginx/d; scgi_temp_path $work/nginx/e;
  server { listen $([[ $AYS_LAB != loopback ]] || echo $origin:)80; root $work/served; }
}
END
  at_origin=()
  [[ $AYS_LAB == loopback ]] || at_origin=(unshare --net)
  "${at_origin[@]}" nginx -e "$work/nginx/log" -c "$work/nginx/conf" &
  started+=($!)
  lab_await "$work/nginx/log" 'event method'
  [[ $AYS_LAB != loopback ]] || return 0
  ip link add to-origin type veth peer name eth0 netns "${started[-1]}"
  ip link set to-origin master br0 up
  at_origin=(nsenter "--net=/proc/${started[-1]}/ns/net")
  "${at_origin[@]}" ip address add $origin/16 dev eth0
  "${at_origin[@]}" ip link set eth0 up
}

# Serves $work/served at ftp://pub:pub1234@$origin, after lab_http.
lab_ftp() {
  echo "pub:$(openssl passwd -5 pub1234):65534:65534::$work/served/./::::::::::::" >"$work/users"
  pure-pw mkdb "$work/users.pdb" -f "$work/users"
  "${at_origin[@]}" pure-ftpd -l "puredb:$work/users.pdb" -E -H -u 1 -p 41000:41050 -S "$origin,21" -g "$work/ftp.pid" &
  started+=($!)
  lab_await "$work/ftp.pid" .
}

# Commits fixtures/environment with the nodes to a repository, clones that, and goes into the clone.
lab_environment() {
  local author=$work/author number
  git init -q --bare -b main "$work/example.git"
  git clone -q "$work/example.git" "$author" 2>/dev/null
  cp -r fixtures/environment/. "$author"
  for number in "${!disks[@]}"; do
    mkdir -p "$author/services/jumpscale__node.ssh__n$((number + 1))"
    cat >"$author/services/jumpscale__node.ssh__n$((number + 1))/service.hrd" <<END
service.category = 'node'
instance.ip = '${node%.*}.$((${node##*.} + number))'
END
  done
  if [[ $AYS_LAB == loopback ]]; then
    sed -i "s/^origin = .*/origin = \"$origin\"/" "$author/ays.toml"
    printf '\n[pool.local]\npath = "%s"\n\n[system]\npaths.tmp = "%s"\n' "$work/pool" "$work/tmp" \
      >>"$author/ays.toml"
  fi
  git -C "$author" add -A
  git -C "$author" -c user.name=author -c user.email=author@example.org commit -qm 'The environment'
  git -C "$author" push -q origin HEAD:main
  git clone -q "$work/example.git" "$work/environment"
  cd "$work/environment"
}

# lab_seconds COMMAND..: the seconds that a command takes; it must succeed. Its output goes to $work/out.
lab_seconds() {
  local since=$EPOCHREALTIME
  "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
  lab_since "$since"
}

# lab_since TIME: the seconds from then ($EPOCHREALTIME) to now.
lab_since() {
  local now=$EPOCHREALTIME
  python3 -c "print(f'{$now - $1:.3f}')"
}

# lab_median NAME: the median of what the three rounds after the warm-up wrote to $work/NAME.
lab_median() { tail -n 3 "$work/$1" | sort -n | sed -n 2p; }

# lab_memory COMMAND..: the peak resident memory, in MB, of a command of ays, and of the largest helper while it ran.
lab_memory() {
  "$@" >"$work/out" 2>&1 &
  python3 - $! <<'END'
import glob, os, sys
peak = {"controller": 0, "helper": 0}
controller = sys.argv[1]
def look(pid, who):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmHWM"):
                peak[who] = max(peak[who], int(line.split()[1]))
    except OSError:
        pass
while os.path.exists(f"/proc/{controller}") and open(f"/proc/{controller}/stat").read().split()[2] != "Z":
    look(controller, "controller")
    for process in glob.glob("/proc/[0-9]*"):
        try:
            if "/ays-node-" in os.readlink(process + "/exe"):
                look(process[6:], "helper")
        except OSError:
            pass
print(peak["controller"] // 1024, peak["helper"] // 1024)
END
  wait $! || { cat "$work/out" >&2; exit 1; }
}
