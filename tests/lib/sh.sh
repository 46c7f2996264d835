# Sourced by the tests of the command line. check NAME CONDITION...; every failure is printed, the script ends with 1
# when there was one (call finish last).
set -u
failures=0
work=$(mktemp -d /tmp/limpet-work.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

limpet() { command "$LIMPET" "$@"; }
# do_ OPTION... -- COMMAND...: limpet do under the platform being tested
do_() { command "$LIMPET" do --platform "$PLATFORM" "$@"; }

fail() {
	echo "failed: $*"
	failures=$((failures + 1))
}

# is WHAT GOT EXPECTED
is() {
	[ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"
}

# says WHAT STATUS EXPECTED-OUTPUT COMMAND...: output (stdout and stderr) and status of a command
says() {
	local what=$1 status=$2 expected=$3 got
	shift 3
	got=$("$@" 2>&1)
	is "$what: status" "$?" "$status"
	is "$what: output" "$got" "$expected"
}

# ends WHAT STATUS COMMAND...: only the status
ends() {
	local what=$1 status=$2
	shift 2
	"$@" >"$work/.out" 2>&1
	local got=$?
	[ "$got" = "$status" ] || { fail "$what: status $got, expected $status"; tail -n 5 "$work/.out"; }
}

# matches WHAT TEXT PATTERN
matches() {
	[[ $2 =~ $3 ]] || fail "$1: '$2' does not match '$3'"
}

skip() {
	echo "SKIP $*"
	exit 77
}

finish() {
	[ $failures = 0 ]
	exit
}
