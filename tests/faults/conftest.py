"""The table of faults in docs/reliability.md, from what the tests found."""
from collections import Counter
from pathlib import Path

_HEAD = '<!-- made by make faults -->'
_TAIL = '<!-- end -->'


def pytest_addoption(parser):
    parser.addoption('--faults-report', metavar='PAGE',
                     help='write the table of faults into this page')


def pytest_terminal_summary(terminalreporter, config):
    page = config.getoption('faults_report', None)
    if not page:
        return
    tries, lost = Counter(), Counter()
    for state in ('passed', 'failed', 'error'):
        for one in terminalreporter.stats.get(state, ()):
            if one.when == 'call' or state == 'error':
                path, name = one.nodeid.split('[')[0].split('::')[:2]
                key = (Path(path).stem, name)
                tries[key] += 1
                lost[key] += state != 'passed'
    lines = ['| fault | tries | lost |', '|---|---|---|']
    lines += [f'| {name.removeprefix("test_").replace("_", " ")} '
              f'| {tries[key]} | {lost[key]} |'
              for key in sorted(tries) for name in [key[1]]]
    lines += [f'| **all** | {sum(tries.values())} | {sum(lost.values())} |']
    path = Path(page)
    before, _, rest = path.read_text().partition(_HEAD)
    after = rest.partition(_TAIL)[2]
    path.write_text('\n'.join([f'{before}{_HEAD}', *lines, f'{_TAIL}{after}']))
