# shellcheck shell=sh
# Sourced by test.sh and lint.sh: runs steps, stops at the first that fails, and ends with what took
# how long.

# Seconds after which a step is taken for hanging. It says nothing about how fast a step must be: tests
# that hang are ended one by one, by bounds of their own.
step_seconds=${STEP_SECONDS:-5400}

steps_began=$(date +%s)
steps_table=
# Without this, timeout(1) keeps Ctrl-C from what it runs; with it, it ends only the step's first
# process.
steps_foreground=
[ ! -t 0 ] || steps_foreground=--foreground

# step NAME COMMAND...
step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    began=$(date +%s)
    code=0
    # A shell in the background ignores SIGINT, and so would all that it starts, the programs that
    # are tested for it included.
    # shellcheck disable=SC2086 # nothing, or one word
    env --default-signal=INT,QUIT \
        timeout $steps_foreground --kill-after=30 "$step_seconds" "$@" || code=$?
    took=$(($(date +%s) - began))
    steps_table="$steps_table$(printf '%6d s  %s' "$took" "$name")
"
    [ "$code" = 0 ] && return
    [ "$code" = 124 ] && echo "$name: ended after $step_seconds s (STEP_SECONDS)" >&2
    steps_end
    echo "FAILED: $name (exit status $code)" >&2
    exit 1
}

steps_end() {
    printf '\n== time\n%s%6d s  in all\n' "$steps_table" "$(($(date +%s) - steps_began))"
}
