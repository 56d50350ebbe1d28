# What the scripts of this repository need on a machine; to be sourced by them.
#
#   require_dotnet      The .NET 10 SDK. Debian 12 does not carry it, so it is only asked for.
#   require_zookeeper   ZooKeeper and a Java runtime, from Debian's packages; installed if missing.
#   require_kazoo       Python's ZooKeeper client, which the tests compare the managed one with; likewise.
#   require_curator     Java's lock library and a compiler for the tests' program that uses it; likewise.
#   require_strace      What makes disks slow in fault tests; likewise.
#   require_libfaketime What sets clocks wrong in fault tests; likewise.
#   fetch_zookeeper     The jars of Debian's next ZooKeeper, into a directory; nothing is installed. Returns 1 if they cannot be had.
#
# All return 1 after one line that says what to install, where they may not do it.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# Without libicu, which a fresh Debian does not have, the SDK runs only in this mode. The projects ask for it in any case.
if ! /sbin/ldconfig -p | grep -q libicuuc; then
  export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_SYSTEM_GLOBALIZATION_PREDEFINED_CULTURES_ONLY=0
fi

require_dotnet() {
  # global.json decides which SDKs will do, and is found from the working directory.
  if ! (cd "$(dirname "${BASH_SOURCE[0]}")" && dotnet --version > /dev/null 2>&1); then
    echo "Missing: the .NET 10 SDK. Install it from https://dotnet.microsoft.com/download/dotnet/10.0 and put 'dotnet' on the PATH." >&2
    return 1
  fi
}

require_zookeeper() {
  require_package ZooKeeper zookeeper has_zookeeper
}

require_kazoo() {
  require_package kazoo python3-kazoo has_kazoo
}

require_curator() {
  require_package Curator libcurator-recipes-java has_curator && require_package "a Java compiler" default-jdk-headless has_java_compiler
}

require_strace() {
  require_package strace strace has_strace
}

require_libfaketime() {
  require_package libfaketime libfaketime has_libfaketime
}

# fetch_zookeeper DIRECTORY: Debian 12 has ZooKeeper 3.8.0, which can lose acknowledged transactions when its servers die soon after they have
# joined (ZOOKEEPER-4394, 4409 and 4712, fixed in 3.9.3, which has a loss of its own, ZOOKEEPER-4925, fixed in 3.9.4). The archive that this machine
# takes its packages from has a newer one in the suite 'testing'. Its jars run with the libraries of Debian 12.
fetch_zookeeper() (
  directory=$1
  has_jars "$directory" && return 0
  command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null || return 1
  work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work" && mkdir -p lists/partial cache/archives/partial "$directory" || return 1
  grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2> /dev/null | head -n 1 | while read -r archive; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive testing main"
  done > sources.list
  own=(-o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache"
    -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)
  apt_get "${own[@]}" update && apt_get "${own[@]}" download libzookeeper-java && dpkg-deb --extract libzookeeper-java_*.deb content || return 1
  cp --dereference content/usr/share/java/zookeeper-[0-9]*.jar content/usr/share/java/zookeeper-jute-[0-9]*.jar "$directory" && has_jars "$directory"
)

# has_jars DIRECTORY: whether a ZooKeeper is there that is new enough.
has_jars() {
  local version
  version=$(cd "$1" 2> /dev/null && ls zookeeper-jute-*.jar 2> /dev/null | sed 's/zookeeper-jute-\(.*\)\.jar/\1/')
  [[ -n $version && -e $1/zookeeper-$version.jar && $(printf '%s\n' 3.9.4 "$version" | sort -V | head -n 1) == 3.9.4 ]]
}

# require_package TITLE PACKAGE PRESENT: installs Debian's package unless the function PRESENT finds what it holds.
require_package() {
  local title=$1 package=$2 present=$3
  local advice="Missing: $title. As root, run: apt-get update && apt-get install -y $package"
  local as_root=()

  "$present" && return 0
  if ! command -v apt-get > /dev/null; then
    echo "Missing: $title. This system has no apt-get; install what Debian's package '$package' holds, or use a Debian 12." >&2
    return 1
  fi

  if [[ $(id -u) -ne 0 ]]; then
    # Without a terminal nobody could type a password.
    if command -v sudo > /dev/null && { [[ -t 0 ]] || sudo -n true 2> /dev/null; }; then
      as_root=(sudo)
    else
      echo "$advice" >&2
      return 1
    fi
  fi

  echo "Installing Debian's package '$package'." >&2
  if ! { apt_get update && apt_get install -y --no-install-recommends "$package" && "$present"; }; then
    echo "$advice" >&2
    return 1
  fi
}

has_zookeeper() {
  command -v java > /dev/null && [[ -e /usr/share/java/zookeeper.jar ]]
}

# Debian's own Python: another one on the PATH does not see Debian's packages.
has_kazoo() {
  /usr/bin/python3 -c 'import kazoo' 2> /dev/null
}

has_curator() {
  [[ -e /usr/share/java/curator-recipes.jar && -e /usr/share/java/curator-framework.jar && -e /usr/share/java/guava.jar ]]
}

has_java_compiler() {
  command -v javac > /dev/null
}

has_strace() {
  command -v strace > /dev/null
}

# In the directory of the machine's architecture.
has_libfaketime() {
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' > /dev/null
}

# Shows what apt-get said only if it failed. It waits for another installation to end rather than failing beside it.
apt_get() {
  local said
  said=$("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@" < /dev/null 2>&1) && return
  tail -n 20 <<< "$said" >&2
  return 1
}
