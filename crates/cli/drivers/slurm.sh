#!/usr/bin/env bash
# Shards as an array of tasks, then their reports merged: sbatch --array=1-16 slurm.sh OUT run --episodes 10000 …
# Arrays are counted from 1, so that a task's number is its shard's; `sbatch --array=3` with SHARDS=16 runs a single one again.
#SBATCH --job-name=parapolicy
#SBATCH --cpus-per-task=2
#SBATCH --requeue
set -euo pipefail

out="$1"
shift
shards="${SHARDS:-$SLURM_ARRAY_TASK_COUNT}"
shard="$out/shards/$SLURM_ARRAY_TASK_ID"
# What was over before a node died is not played again.
"${PARAPOLICY:-parapolicy}" "$@" --shard "/$shards" --only report.json --out "$shard" --resume
touch "$shard/done"

# Whoever is the last merges; a lock says who that is where two are done at once.
exec 9>"$out/merge.lock"
flock 9
if [[ "$(find "$out/shards" -name done | wc -l)" -eq "$shards" ]]; then
    "${PARAPOLICY:-parapolicy}" merge "$out"/shards/*/report.json --out "$out"
fi
