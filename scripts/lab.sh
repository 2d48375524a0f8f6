# For scripts/demo and scripts/bench: a network of their own with a node and sources in it. Sourced, not run.
#
# After lab_start: $work (a directory that goes at the end), $origin (the sources' address), $node (the node's),
# $disk (where the node's root is seen from here), $ays (the binary).

# Builds ays, then goes on in namespaces of its own, which end with all that runs in them; where they are not
# allowed, on loopback.
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
    exec timeout --foreground 1200 unshare --net --mount --pid --fork --kill-child --mount-proc "$PWD/scripts/${0##*/}" "$@"
  fi
  echo "${0##*/}: namespaces are not allowed here: the node is this machine, on loopback"
  export AYS_LAB=loopback
}

# lab_start [DISK_SIZE]: the network, the node, and an operator whose ssh knows it.
lab_start() {
  ays=$(realpath "${CARGO_TARGET_DIR:-target}/release/ays")
  work=$(mktemp -d)
  started=()
  trap lab_end EXIT
  chmod 755 "$work"
  mkdir -p "$work"/{served,home/.ssh,nginx}
  ssh-keygen -q -t ed25519 -N '' -C operator -f "$work/operator"
  if [[ $AYS_LAB == loopback ]]; then
    origin=127.0.0.62 node=127.0.1.11 disk=''
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -C n1 -f "$work/host"
    /usr/sbin/sshd -D -e -f /dev/null -o ListenAddress=$node -o HostKey="$work/host" -o PidFile=none \
      -o AuthorizedKeysFile="$work/operator.pub" -o StrictModes=no -o UseDNS=no 2>"$work/sshd.log" &
    started+=($!)
    lab_await "$work/sshd.log" 'Server listening'
    host_key=$work/host.pub
  else
    origin=10.199.0.2 node=10.199.0.11
    ip link set lo up
    ip link add br0 type bridge
    ip address add 10.199.0.1/16 dev br0
    ip address add $origin/16 dev br0
    ip link set br0 up
    scripts/node n1 $node/16 "$work/operator.pub" full "${1:-1g}" >"$work/first" 2>"$work/sshd.log" &
    started+=($!)
    lab_await "$work/sshd.log" 'Server listening'
    disk=/proc/$(<"$work/first")/root
    host_key=$disk/etc/ssh/ssh_host_ed25519_key.pub
  fi
  export HOME=$work/home AYS_HOME=$work/state GIT_CONFIG_GLOBAL=/dev/null
  unset SSH_AUTH_SOCK
  cat >"$HOME/.ssh/config" <<END
IdentityFile $work/operator
IdentitiesOnly yes
UserKnownHostsFile $HOME/.ssh/known_hosts
END
  echo "$node $(cut -d' ' -f1,2 "$host_key")" >"$HOME/.ssh/known_hosts"
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

# Serves $work/served at http://$origin.
lab_http() {
  cat >"$work/nginx/conf" <<END
daemon off; master_process off; user root; pid $work/nginx/pid; error_log $work/nginx/log notice;
events {}
http {
  access_log off; sendfile on; client_body_temp_path $work/nginx/a; proxy_temp_path $work/nginx/b;
  fastcgi_temp_path $work/nginx/c; uwsgi_temp_path $work/nginx/d; scgi_temp_path $work/nginx/e;
  server { listen $origin:80; root $work/served; }
}
END
  nginx -e "$work/nginx/log" -c "$work/nginx/conf" &
  started+=($!)
  lab_await "$work/nginx/log" 'event method'
}

# Serves $work/served at ftp://pub:pub1234@$origin.
lab_ftp() {
  echo "pub:$(openssl passwd -5 pub1234):65534:65534::$work/served/./::::::::::::" >"$work/users"
  pure-pw mkdb "$work/users.pdb" -f "$work/users"
  pure-ftpd -l "puredb:$work/users.pdb" -E -H -u 1 -p 41000:41050 -S "$origin,21" -g "$work/ftp.pid" &
  started+=($!)
  lab_await "$work/ftp.pid" .
}

# Commits fixtures/environment with the node to a repository, clones that, and goes into the clone.
lab_environment() {
  local author=$work/author
  git init -q --bare -b main "$work/example.git"
  git clone -q "$work/example.git" "$author" 2>/dev/null
  cp -r fixtures/environment/. "$author"
  mkdir -p "$author/services/jumpscale__node.ssh__n1"
  cat >"$author/services/jumpscale__node.ssh__n1/service.hrd" <<END
service.category = 'node'
instance.ip = '$node'
END
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
