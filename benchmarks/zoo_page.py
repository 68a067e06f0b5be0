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
  over random seeds; one run where there is no ±. Empty where it was not
  measured; [Results](results.md) has the data, the commands and what limits
  these figures.
"""


def _number(value: float | None, digits: int = 1) -> str:
    return '' if value is None else f'{value:.{digits}f}'


def _step(step: dict) -> str:
    """Return the time of a step and what it ran on."""
    if not step:
        return ''
    kind = 'CPU' if step['device'].startswith('CPU') else 'GPU'
    return f'{step["seconds"]:.2f} ({kind})'


def write_page(table: dict[str, dict]) -> str:
    """Return the page as Markdown.

    Args:
        table (dict[str, dict]): Config -> :func:`describe`; ``step`` of
            :func:`measure` and ``seeds`` with ``mean`` and ``std`` in
            percent, where they were measured.
    """
    from hsc_analysis.matrix_tables import spread
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
            spread(seeds) if seeds else '']
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


def take_seeds(table: dict[str, dict], matrix: dict) -> None:
    """Put the scores of a table of ``run_matrix`` into ``table``."""
    from hsc_analysis.matrix_files import matrix_columns
    rows = matrix_columns(matrix)
    for path in table:
        found = rows.get(Path(path).stem, {}).get(_SEEDS)
        if found:
            table[path]['seeds'] = {k: found[k] for k in ('mean', 'std')}
