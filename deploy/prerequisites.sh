# What the scripts of this repository need on a machine; to be sourced by them.
#
#   require_dotnet      The .NET 10 SDK. Debian 12 does not carry it, so it is only asked for.
#   require_zookeeper   ZooKeeper and a Java runtime, from Debian's packages; installed if missing.
#   require_kazoo       Python's ZooKeeper client, which the tests compare the managed one with; likewise.
#   require_curator     Java's lock library and a compiler for the tests' program that uses it; likewise.
#   require_strace      What makes disks slow in fault tests; likewise.
#   require_libfaketime What sets clocks wrong in fault tests; likewise.
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
