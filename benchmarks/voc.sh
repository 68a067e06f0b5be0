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
# $VOC2012_ROOT/SaliencyMaps (docs/data.md). Further arguments go to
# tools/run_matrix.py. Relative paths begin at the current folder.
#
#   SEEDS     the random seeds (0). With several, each method is compared with
#             SEAM over equal ones; --paired-to STEM names another.
#   CRF=0     pseudo labels without a CRF, at the threshold that is best on the
#             masks of train, or at that of --threshold or --select. By default
#             a CRF makes them: no mask is read, a threshold has no effect
#             (benchmarks/voc_configs.py).
#   DOCTOR=0  skips the check of the files and the prediction of time and memory.
#
# If a cell fails, the table has the others, and the status is not 0.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd)
work=${1:?names no work dir: benchmarks/voc.sh WORK_DIR [OPTION ...]}
shift
network=${NETWORK:-r38d}
segmentor=$root/configs/deeplabv2_r101_voc-pseudo.py
case $network in
r38d) names=(seam_r38d hsc_r38d_seam eps_r38d hsc_r38d_eps) ;;
r50) names=(seam_r50 hsc_r50 eps_r50 hsc_r50_eps) ;;
*) echo "NETWORK=$network: expected r38d or r50" >&2; exit 2 ;;
esac
names=("${names[@]/%/_voc}")
[ "$network" = r38d ] && names+=(hsc_r38d_eps_voc-release)
folder=$root/configs
if [ "${CRF:-1}" != 0 ]; then
	folder=$work/configs
	python "$root/benchmarks/voc_configs.py" "$folder" "${names[@]}"
fi
configs=()
for name in "${names[@]}"; do
	configs+=("$folder/$name.py")
done
if [ "${DOCTOR:-1}" != 0 ]; then
	# HSC on EPS reads what all the others read, saliency maps too.
	# Time, memory and disk that it names are those of one cell.
	python "$root/tools/doctor.py" "${configs[3]}" "$segmentor" --work-dir "$work"
fi
read -ra seeds <<<"${SEEDS:-0}"
options=(--seg-config "$segmentor" --work-dir "$work" --seeds "${seeds[@]}")
if [ "${#seeds[@]}" -gt 1 ]; then # of one, a difference has no interval
	options+=(--paired-to "${names[0]}")
fi
status=0
begun=$(mktemp)
trap 'rm -f "$begun"' EXIT
python "$root/tools/run_matrix.py" "${configs[@]}" "${options[@]}" "$@" || status=$?
# A table of now: an error before the first cell leaves that of an earlier call.
if [ "$status" -le 1 ] && [ "$work/matrix.json" -nt "$begun" ]; then
	python "$root/benchmarks/voc_table.py" "$work"
fi
exit "$status"
