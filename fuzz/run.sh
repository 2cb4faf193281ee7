#!/usr/bin/env bash
# Fuzzes each target for a short while, from the seeds and what earlier runs found. Usage: fuzz/run.sh [SECONDS] [TARGET ...]
# The targets are those of cargo-fuzz; this builds them with the stable toolchain: same coverage instrumentation, without
# the address sanitizer, which only a nightly has and code without `unsafe` needs little.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-15}; shift || true
targets=("$@"); [ ${#targets[@]} -gt 0 ] || targets=(signature envelope requests decide)
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
host=$(rustc -vV | sed -n 's/^host: //p')
# An explicit target keeps the instrumentation out of build scripts.
RUSTFLAGS="$flags" cargo build --quiet --locked --release --target "$host" --target-dir target
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  echo "fuzzing $target for $seconds s"
  log="artifacts/$target/log"
  status=0
  "target/$host/release/$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
    -rss_limit_mb=1024 -artifact_prefix="artifacts/$target/" -print_final_stats=1 -verbosity=0 >"$log" 2>&1 || status=$?
  grep -E 'stat::number_of_executed_units|ERROR|panicked|assertion|SUMMARY' "$log" || true
  [ "$status" = 0 ] || { tail -n 40 "$log"; echo "fuzz target $target failed: see fuzz/artifacts/$target"; exit 1; }
done
