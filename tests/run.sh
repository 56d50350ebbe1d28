#!/usr/bin/env bash
# Builds everything and passes all tests. The last line is the sum over all test projects:
#
#   tests/run.sh [--long]        ...        N passed, N failed, N skipped
#   tests/run.sh --faults [--minutes N] [--seed S] [--controls]
#
# It fails if a test fails, the build fails, a test project hangs or crashes (counted as one failed test), no test ran at all, or,
# with CI=true, a test was skipped. It takes about 13 minutes on two cores, and is cut off after 30. With --long, or LOCKSERVICE_LONG=1, the
# fault tests run for hours and nothing is cut off but a hanging test.
#
# With --faults only the fault suite runs, for N minutes (20 unless said otherwise) with the choices of seed S (a new one unless given), and
# prints its report; with --controls it then runs on services from which a guard was removed, and must find that.
#
# The fault suite breaks the ZooKeeper whose jars are in LOCKSERVICE_ZOOKEEPER_JARS; by default that of Debian's next release, which is fetched.
set -uo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$repository/deploy/prerequisites.sh"
results=$repository/artifacts/test-results
deadline=$((SECONDS + 30 * 60))
project_limit=$((15 * 60))
# Longer than the fault suite's short run may take by its own limits: a minute of faults, four for its clients to end, three to converge. Those say what did not end.
hang_limit=10m
passed=0
failed=0
skipped=0
broken=
running=

usage() {
  echo "Usage: tests/run.sh [--long] | --faults [--minutes N] [--seed S] [--controls]" >&2
  exit 2
}

faults=
minutes=20
while [[ $# -gt 0 ]]; do
  case $1 in
    --long) export LOCKSERVICE_LONG=1 ;;
    --faults) faults=1 ;;
    --minutes | --seed)
      [[ ${2:-} =~ ^[0-9]+$ ]] || usage
      if [[ $1 == --minutes ]]; then minutes=$2; else export LOCKSERVICE_SEED=$2; fi
      shift
      ;;
    --controls) export LOCKSERVICE_FAULT_CONTROLS=1 ;;
    *) usage ;;
  esac
  shift
done

if [[ -n $faults ]]; then
  export LOCKSERVICE_FAULT_MINUTES=$minutes
  # Starting, converging and checking take a few minutes; the controls take some two minutes each.
  project_limit=$(((minutes + 60) * 60))
  deadline=$((SECONDS + project_limit + 30 * 60))
  hang_limit=$((minutes + 45))m
fi

if [[ ${LOCKSERVICE_LONG:-} == 1 ]]; then
  deadline=$((SECONDS + 12 * 3600))
  project_limit=$((6 * 3600))
  hang_limit=2h
fi

# However the script ends, its last line is the sum.
finish() {
  local status=$?
  trap '' INT TERM HUP
  [[ -z $running ]] || kill -TERM "$running" 2> /dev/null
  if [[ -z $broken && $status -eq 0 && $failed -eq 0 && $((passed + failed)) -eq 0 ]]; then
    broken="No test was executed."
  fi
  if [[ ${CI:-} == true && $skipped -gt 0 ]]; then
    broken=${broken:-"Tests were skipped, which CI=true does not allow."}
  fi
  if [[ -n $broken || $failed -gt 0 ]]; then
    status=1
  fi
  echo
  [[ -z $broken ]] || echo "$broken"
  echo "$passed passed, $failed failed, $skipped skipped"
  exit "$status"
}

trap finish EXIT
trap 'broken="Interrupted."; exit 1' INT TERM HUP

# until_deadline SECONDS COMMAND...: runs the command for at most so long, and not beyond the deadline of the whole run. In the
# background, because a shell that waits hears signals at once and one that runs a command does not. What timeout ends, or is told to
# end, is the command with all its children.
until_deadline() {
  local limit=$1
  shift
  ((deadline - SECONDS < limit)) && limit=$((deadline - SECONDS))
  ((limit > 0)) || return 124
  timeout --kill-after=10 "$limit" "$@" < /dev/null &
  running=$!
  wait "$running"
  local status=$?
  # timeout made a process group of the command; what a crashed test left in it is ended here.
  kill -KILL -- "-$running" 2> /dev/null
  running=
  return "$status"
}

# counter NAME FILE: one number of a result file's summary. The summary's own count of skipped tests is always 0, so they are those
# that are in the total but were not executed.
counter() {
  local number
  number=$(grep -o '<Counters [^>]*' "$2" | grep -o " $1=\"[0-9]*\"" | grep -o '[0-9]*')
  echo "${number:-0}"
}

# skipped_tests FILE: the names of the tests a result file lists as not executed.
skipped_tests() {
  grep -o '<UnitTestResult [^>]*outcome="NotExecuted"[^>]*' "$1" | grep -o ' testName="[^"]*"' | cut -d'"' -f2
}

run_project() {
  local name=$1 status file project_failed
  local assembly=$repository/artifacts/bin/$name/release/$name.dll
  echo
  echo "=== $name"
  until_deadline "$project_limit" dotnet test "$assembly" \
    --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=minimal" --results-directory "$results" \
    --blame-hang-timeout "$hang_limit" --blame-hang-dump-type mini
  status=$?

  file=$results/$name.trx
  project_failed=0
  if [[ -e $file ]]; then
    project_failed=$(counter failed "$file")
    passed=$((passed + $(counter passed "$file")))
    skipped=$((skipped + $(counter total "$file") - $(counter executed "$file")))
    skipped_tests "$file" | sed 's/^/Skipped: /'
  fi

  if [[ $status -ne 0 && $project_failed -eq 0 ]]; then
    project_failed=1
    if [[ $status -eq 124 || $status -eq 137 ]]; then
      echo "FAILED: $name was stopped because its time was up."
    else
      echo "FAILED: $name did not finish (exit code $status): it hung, crashed or could not start."
    fi
  fi
  failed=$((failed + project_failed))
}

if ! { require_dotnet && require_zookeeper && require_kazoo && require_curator && require_strace && require_libfaketime; }; then
  broken="The tests were not run: something they need is missing."
  exit 1
fi

rm -rf "$results"
if ! until_deadline "$project_limit" dotnet build "$repository/LockService.sln" --configuration Release --nologo --verbosity quiet -nodeReuse:false; then
  broken="The tests were not run: the build failed."
  exit 1
fi

if [[ -z $faults ]]; then
  for project in "$repository"/tests/*.Tests/*.csproj; do
    run_project "$(basename "$project" .csproj)"
  done
fi

# The suite is about what the service does when servers die, not about what ZooKeeper 3.8.0 loses then.
if [[ -z ${LOCKSERVICE_ZOOKEEPER_JARS:-} ]]; then
  if fetch_zookeeper "$repository/artifacts/zookeeper"; then
    export LOCKSERVICE_ZOOKEEPER_JARS=$repository/artifacts/zookeeper
  else
    echo "The fault suite runs on this machine's ZooKeeper: no newer one could be had. Before 3.9.4 it may lose what it acknowledged, which the suite will find."
  fi
fi

# Last, so that nothing else breaks beside what it breaks itself.
run_project LockService.FaultTests
for report in "$results"/faults.txt "$results"/controls.txt; do
  [[ ! -e $report ]] || cat "$report"
done
