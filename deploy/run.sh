#!/usr/bin/env bash
# Runs the service on this machine until Ctrl-C or SIGTERM.
#
#   deploy/run.sh
#
#   LOCKSERVICE_ZOOKEEPER       the ensemble to use, host:port,host:port/chroot. Default: a ZooKeeper of its own, started here and
#                               stopped again, with its data in .data/, where the next start finds it.
#   LOCKSERVICE_ZOOKEEPER_PORT  the port of its own ZooKeeper. Default 2181, or the next free one.
#   LOCKSERVICE_URL             where the service listens. Default http://127.0.0.1:8080.
#
# Settings of the service itself are in the environment too: LockService__SessionTimeoutMs=5000 deploy/run.sh
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$repository/deploy/prerequisites.sh"
data=$repository/.data/zookeeper
published=$repository/artifacts/run
url=${LOCKSERVICE_URL:-http://127.0.0.1:8080}
ensemble=${LOCKSERVICE_ZOOKEEPER:-}
zookeeper_log=$data/zookeeper.log
zookeeper=
builder=
service=

say() { echo "deploy/run.sh: $1" >&2; }

fail() {
  say "$1"
  exit 1
}

is_alive() { kill -0 "$1" 2> /dev/null; }

is_taken() { (exec 3<> "/dev/tcp/$1/$2") 2> /dev/null; }

# ask HOST PORT TEXT: sends the text and prints the answer, or nothing if there is none within two seconds.
ask() {
  timeout 2 bash -c 'exec 3<> "/dev/tcp/$0/$1" && printf "$2" >&3 && cat <&3' "$@" 2> /dev/null || true
}

# until_true SECONDS PROCESS COMMAND...: succeeds once the command does; fails when the time is up or the process has ended.
until_true() {
  local deadline=$((SECONDS + $1)) process=$2
  shift 2
  until "$@"; do
    is_alive "$process" && ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

# Each child gets a process group of its own, so that Ctrl-C reaches only this script and it can stop them in order, and a parent
# death signal, so that none of them outlives this script even if it is killed.
start() { exec setsid setpriv --pdeathsig TERM "$@" < /dev/null; }

stop_process() {
  local process=$1 limit=$2
  [[ -n $process ]] && is_alive "$process" || return 0
  kill -TERM "$process" 2> /dev/null || true
  local deadline=$((SECONDS + limit))
  while is_alive "$process"; do
    if ((SECONDS >= deadline)); then
      say "process $process did not stop within $limit s and is killed."
      kill -KILL "$process" 2> /dev/null || true
      break
    fi
    sleep 0.1
  done
  wait "$process" 2> /dev/null || true
}

# The service first: it answers those who wait and closes its sessions within 10 s, for which it needs ZooKeeper.
stop_all() {
  trap '' INT TERM HUP
  stop_process "$builder" 10
  stop_process "$service" 15
  stop_process "$zookeeper" 10
}

# --- ZooKeeper ---

start_zookeeper() {
  mkdir -p "$data"
  # ZooKeeper does not guard its directory against a second server. The JVM inherits the lock and so holds it as long as it runs.
  exec 9> "$data/lock"
  flock -n 9 || fail "another deploy/run.sh uses $data. Stop it, or name its ZooKeeper in LOCKSERVICE_ZOOKEEPER."

  local port=${LOCKSERVICE_ZOOKEEPER_PORT:-2181}
  while is_taken 127.0.0.1 "$port"; do
    port=$((port + 1))
  done

  ensemble=127.0.0.1:$port
  sed -e "s|@DATA@|$data|" -e "s|@PORT@|$port|" "$repository/deploy/zoo.cfg" > "$data/zoo.cfg"
  if [[ -e $zookeeper_log ]]; then
    mv -f "$zookeeper_log" "$zookeeper_log.previous"
  fi

  # The manifest of Debian's zookeeper.jar names all it needs except a logger and the codec of its TLS port. TTL nodes exist only if
  # extendedTypesEnabled is set as a system property.
  start java -Xmx512m -XX:+ExitOnOutOfMemoryError \
    -cp /usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar:/usr/share/java/netty-codec.jar:/usr/share/java/netty-resolver.jar \
    -Dorg.slf4j.simpleLogger.showDateTime=true "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX" \
    -Dzookeeper.jmx.log4j.disable=true -Dzookeeper.extendedTypesEnabled=true \
    org.apache.zookeeper.server.quorum.QuorumPeerMain "$data/zoo.cfg" > "$zookeeper_log" 2>&1 &
  zookeeper=$!
  exec 9>&-
}

zookeeper_serves() { [[ $(ask 127.0.0.1 "${ensemble##*:}" srvr) == *Mode:* ]]; }

wait_for_zookeeper() {
  until_true 60 "$zookeeper" zookeeper_serves && return
  tail -n 20 "$zookeeper_log" >&2
  fail "ZooKeeper does not serve; the end of $zookeeper_log is above."
}

# --- The service ---

# Addresses that stand for every interface are asked at the loopback.
[[ $url =~ ^http://(\[[0-9a-fA-F:]+\]|[^/:\;,]+):([0-9]+)/?$ ]] || fail "LOCKSERVICE_URL must look like http://127.0.0.1:8080, but is '$url'."
host=${BASH_REMATCH[1]//[\[\]]/}
port=${BASH_REMATCH[2]}
case $host in
  0.0.0.0 | + | '*' | ::) host=127.0.0.1 ;;
esac

# In the background, while ZooKeeper is installed and starts.
begin_build() {
  say "building the service."
  start dotnet publish "$repository/src/LockService.Api/LockService.Api.csproj" --configuration Release --output "$published" \
    --nologo --verbosity quiet -nodeReuse:false >&2 &
  builder=$!
}

finish_build() {
  wait "$builder" || fail "the build failed; the compiler's messages are above."
  builder=
}

start_service() {
  # The settings file is looked for in the working directory.
  cd "$published"
  export LockService__ZooKeeper=$ensemble
  start dotnet LockService.Api.dll --urls "$url" &
  service=$!
  cd "$repository"
}

service_is_ready() {
  [[ $(ask "$host" "$port" "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") == "HTTP/1.1 200"* ]]
}

wait_for_service() {
  until_true 60 "$service" service_is_ready && return
  is_alive "$service" || fail "the service ended at start; its messages are above."
  fail "the service is not ready after 60 s. Does ZooKeeper answer at $ensemble?"
}

# --- All of it ---

trap stop_all EXIT
trap 'say "stopping."; exit 0' INT TERM HUP

# Somebody else's service there would answer in place of this one.
is_taken "$host" "$port" && fail "something listens at $url already. Choose another address: LOCKSERVICE_URL=http://127.0.0.1:8081 deploy/run.sh"

require_dotnet
begin_build
if [[ -z $ensemble ]]; then
  require_zookeeper
  start_zookeeper
fi

finish_build
if [[ -n $zookeeper ]]; then
  wait_for_zookeeper
  say "ZooKeeper serves at $ensemble, with its data in $data."
fi

start_service
wait_for_service
printf '\nLockService API: %s\nSwagger UI:      %s/swagger\n\n' "${url%/}" "${url%/}"

# Neither is of use without the other.
wait -n "$service" ${zookeeper:+"$zookeeper"} || true
if is_alive "$service"; then
  fail "ZooKeeper ended; its messages are in $zookeeper_log."
fi
fail "the service ended; its messages are above."
