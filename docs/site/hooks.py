"""Hooks of mkdocs: generated pages, links out of docs/, nothing external."""
import re
import sys
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from api import write_api  # noqa: E402
from commands import write_commands  # noqa: E402
from keys import write_configs, write_keys  # noqa: E402

#: Files beside docs/ that become pages -> their pages.
BESIDE = {
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
    'projects/ppc/README.md': 'projects/ppc.md',
    'projects/random_walk/README.md': 'projects/random_walk.md',
    'projects/single_stage/README.md': 'projects/single_stage.md',
}
#: Other targets outside docs/ that pages link to -> where they are shown.
SHOWN = {
    'projects': 'projects/index.md',
    'examples/plain_pytorch.py': 'plain-pytorch.md',
}


def _pages() -> dict[str, str]:
    pages = {page: (ROOT / path).read_text('utf-8')
             for path, page in BESIDE.items()}
    pages['projects/index.md'] = '\n'.join([
        '# Projects', '', 'Methods of other papers, each in one folder of '
        '`projects/`, on public interfaces alone.', '',
        *(f'- [{Path(page).stem}]({Path(page).name})'
          for page in BESIDE.values() if page.startswith('projects/'))])
    pages['reference/commands.md'] = write_commands()
    pages['reference/keys.md'] = write_keys()
    pages['reference/configs.md'] = write_configs()
    for name, text in write_api().items():
        pages[f'reference/api/{name}.md'] = text
    return pages


def on_files(files: Files, config: dict) -> Files:
    """Add the pages that are not in docs/."""
    for name, text in _pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: object, **kwargs: object) -> str:
    """Point links that leave docs/ to the pages that show their targets."""
    source = page.file.src_uri
    up = '../' * source.count('/')
    origin = {new: old for old, new in BESIDE.items()}.get(source)
    folder = (ROOT / origin).parent if origin else (
        ROOT / 'docs' / source).parent

    def point(match: re.Match) -> str:
        target, anchor = match[1], match[2] or ''
        path = (folder / target).resolve()
        if not path.is_relative_to(ROOT):
            return match[0]
        name = path.relative_to(ROOT).as_posix()
        if name in BESIDE or name in SHOWN:
            name = BESIDE.get(name) or SHOWN[name]
        elif origin and name.startswith('docs/'):
            name = name.removeprefix('docs/')
        else:
            return match[0]
        return f']({up}{name}{anchor})'

    return re.sub(r'\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)', point, markdown)


def on_post_build(config: dict) -> None:
    """Refuse a site that needs the network.

    Raises:
        PluginError: A page loads a file from somewhere else.
    """
    loads = re.compile(
        r'<(?:script|img|iframe)[^>]+src="?https?://[^">]+'
        r'|<link[^>]+rel="?(?:stylesheet|preconnect|icon)[^>]+https?://[^">]+')
    for path in Path(config['site_dir']).rglob('*.html'):
        found = loads.search(path.read_text('utf-8'))
        if found:
            raise PluginError(f'{path}: expected no file from the network, '
                              f'found {found[0]}.')
