"""Page of the model zoo, as Markdown, and the scores of seeds on it."""
from pathlib import Path

from hsc_mm.cli import add_tools

add_tools()

__all__ = ['take_seeds', 'write_page']

#: Column of a table of run_matrix.
_SEEDS = 'seeds, best'
_HEAD = """# Model zoo

The network of every config: what it is, where its weights come from, what it
costs, and how good its seeds are where that was measured here. `python
benchmarks/model_zoo.py` writes this page.

- **Weights**: where the backbone starts from before training.
- **Parameters** in millions, heads and projections included.
- **FLOPs** of one forward pass of one image at the size of the training crop,
  in 10⁹; a multiplication and an addition are two. A config with two views has
  a second pass, on the smaller view.
- **Step** and **memory**: a whole training step at the config's own batch and
  crop, and the peak of it. Empty where it was not measured: `python
  benchmarks/model_zoo.py --steps CONFIG` does, with `--device cuda` on a GPU.
  The last line names the devices.
- **Seeds**: mIoU in percent at the best threshold, mean ± standard deviation
  over n random seeds; one run where there is no n. The number of pictures is
  how many were scored: rows with different ones compare only roughly. An empty
  cell means that this page took no table of the config on its own crops;
  [Results](results.md) has more, such as the demo and MobileNetV2, and the
  data, the commands and what limits these figures. HSC was trained with
  `share_ties=False`.
"""


def _number(value: float | None, digits: int = 1) -> str:
    return '' if value is None else f'{value:.{digits}f}'


def _step(step: dict) -> str:
    """Return the time of a step and what it ran on."""
    if not step:
        return ''
    kind = 'CPU' if step['device'].startswith('CPU') else 'GPU'
    return f'{step["seconds"]:.2f} ({kind})'


def _seeds(seeds: dict) -> str:
    """Return mean, spread, and numbers of runs and pictures of seeds."""
    from hsc_analysis.matrix_tables import spread
    number, images = seeds.get('n', 1), seeds.get('images')
    notes = ([f'n = {number}'] if number > 1 else []) + (
        [f'{images} pictures'] if images else [])
    return spread(seeds) + (f' ({", ".join(notes)})' if notes else '')


def write_page(table: dict[str, dict]) -> str:
    """Return the page as Markdown.

    Args:
        table (dict[str, dict]): Config -> :func:`describe`; ``step`` of
            :func:`measure` and ``seeds`` with ``mean`` and ``std`` in
            percent, the number of runs ``n`` and of scored ``images``, where
            they were measured.
    """
    lines, last = [_HEAD], None
    for path, one in sorted(table.items(), key=lambda item: (
            item[0].count('/'), item[0])):
        folder, name = path.rsplit('/', 1)
        if folder != last:
            lines += [
                '', f'## `{folder}`', '',
                '| config | network | weights | parameters, M | FLOPs, G | '
                'crop | step, s | memory, MiB | seeds, % |',
                '|---|---|---|---|---|---|---|---|---|']
            last = folder
        step, seeds = one.get('step', {}), one.get('seeds')
        cells = [
            f'`{name}`', one['network'], f'`{one["weights"]}`',
            _number(one['parameters'] / 1e6), _number(one['flops'] / 1e9),
            ' x '.join(map(str, one['size'])),
            _step(step), str(step.get('peak_mib', '')),
            _seeds(seeds) if seeds else '']
        lines.append(f'| {" | ".join(cells)} |')
    devices = sorted({
        f'{one["step"]["device"]}{", half precision" * one["step"]["amp"]}, '
        f'load {one["step"]["load"]}'
        for one in table.values() if one.get('step')})
    if devices:
        lines += ['', 'Steps were measured on: ' + '; '.join(devices) + '. A '
                  'load above the number of threads means that other programs '
                  'ran, and that times are upper bounds.']
    return '\n'.join(lines).rstrip() + '\n'


def take_seeds(table: dict[str, dict], matrices: list[dict]) -> None:
    """Put the scores of tables of ``run_matrix`` into ``table``.

    Args:
        table (dict[str, dict]): See :func:`write_page`; changed.
        matrices (list[dict]): What ``matrix.json`` of each holds. A name
            tells method, network and data set, not the crop, which one
            command may change.

    Raises:
        ValueError: A config was trained on other crops than its own, or on
            crops that its table does not name; or it is in two tables.
    """
    paths = {Path(path).stem: path for path in table}
    taken = set()
    for row in (row for matrix in matrices for row in matrix['rows']):
        name, found = row['config'], row['columns'].get(_SEEDS)
        if name not in paths or not found:
            continue
        one = table[paths[name]]
        if row.get('crop') != one['size']:
            raise ValueError(
                f'{name}: expected seeds of a training on crops of '
                f'{one["size"]}, found {row.get("crop")} in the table. Leave '
                'that table out.')
        if name in taken:
            raise ValueError(f'{name}: expected one table with its seeds, '
                             'found two. Leave one out.')
        taken.add(name)
        one['seeds'] = dict(
            mean=found['mean'], std=found['std'],
            n=sum(value is not None for value in found['values']),
            images=found.get('images'))
