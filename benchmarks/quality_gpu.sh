#!/bin/sh
# The full table of benchmarks/quality.py on one NVIDIA GPU: all four architectures, 10 million activations, 3 seeds.
#   python benchmarks/quality.py --write-text text.safetensors      (once, where the text is)
#   sh benchmarks/quality_gpu.sh text.safetensors PYTHON_OF_THE_PEERS OUT.json
# Both environments need PyTorch with CUDA. Runs that OUT.json holds are not done again, so it can be stopped at any time.
set -eu
text=$1; peers=$2; out=$3; python=${PYTHON:-python3}
export PYTHONPATH="$(dirname "$0")/.." PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1
exec "$python" "$(dirname "$0")/quality.py" --full --device cuda --text "$text" --peers "$peers" --json "$out"
