#!/usr/bin/env bash
# The table of the paper on the whole PASCAL VOC 2012, both stages: SEAM and EPS,
# HSC on each, and on ResNet-38 HSC on EPS by the release's recipe; then the
# same beside the published figures. Interrupted, the same command resumes.
#
# Each method has the schedule of its own code where that is known: batch, size
# of pictures and clipping differ (docs/method.md). The table is for comparison
# with published figures; the controlled comparison is benchmarks/protocol.py.
#
#   VOC2012_ROOT=... RESNET38D_WEIGHTS=... benchmarks/voc.sh work_dirs/voc
#   NETWORK=r50 benchmarks/voc.sh work_dirs/voc-r50      # no weights to convert
#
# Needs the lists and labels of tools/prepare_voc.py, and saliency maps in
# $VOC2012_ROOT/SaliencyMaps (docs/data.md). SEEDS names the random seeds (0);
# further arguments go to tools/run_matrix.py. DOCTOR=0 skips the prediction of
# time and memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=${1:?names no work dir: benchmarks/voc.sh WORK_DIR [OPTION ...]}
shift
network=${NETWORK:-r38d}
segmentor=configs/deeplabv2_r101_voc-pseudo.py
case $network in
r38d) configs=(seam_r38d hsc_r38d_seam eps_r38d hsc_r38d_eps) ;;
r50) configs=(seam_r50 hsc_r50 eps_r50 hsc_r50_eps) ;;
*) echo "NETWORK=$network: expected r38d or r50" >&2; exit 2 ;;
esac
configs=("${configs[@]/%/_voc}")
[ "$network" = r38d ] && configs+=(hsc_r38d_eps_voc-release)
configs=("${configs[@]/#/configs/}")
configs=("${configs[@]/%/.py}")
if [ "${DOCTOR:-1}" != 0 ]; then
	python tools/doctor.py "${configs[1]}" "$segmentor"
fi
# shellcheck disable=SC2086
python tools/run_matrix.py "${configs[@]}" --seg-config "$segmentor" \
	--work-dir "$work" --seeds ${SEEDS:-0} "$@"
python benchmarks/voc_table.py "$work"
