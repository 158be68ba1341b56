#!/bin/sh
# Everything about the step that needs a GPU, in one command and under 8 minutes; no network, nothing is installed.
#   python benchmarks/step.py --write-contexts tokens.npy      (once, where the text is)
#   sh benchmarks/gpu.sh tokens.npy OUT [PYTHON_OF_THE_PEERS PEERS.PY]
# Written for Python 3.12, PyTorch 2.11 and its Triton. OUT gets one JSON per measurement and a log.
set -u
tokens=$1; out=$2; python=${PYTHON:-python3}
[ $# -ge 4 ] && peers="--peers $3 $4 --peer-steps 3" || peers=
cd "$(dirname "$0")/.." || exit 2
mkdir -p "$out"
export PYTHONPATH=$PWD PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1
{
    timeout 90 $python -m pytest -q -p no:cacheprovider tests/test_kernels_cuda.py
    timeout 130 $python benchmarks/step.py --device cuda --case h200 --steps 20 $peers --json "$out/h200.json"
    timeout 90 $python benchmarks/step.py --device cuda --case h200-4096 --steps 50 $peers --json "$out/h200-4096.json"
    for shape in "131072 32768" "4096 32768" "4096 4096"; do
        set -- $shape
        timeout 45 $python benchmarks/step.py --device cuda --end-to-end --contexts "$tokens" --d-sae "$1" --batch "$2" \
            --json "$out/end-to-end-$1-$2.json"
    done
} 2>&1 | tee "$out/log.txt"
