'use strict';
const all = (what, from = document) => [...from.querySelectorAll(what)];
const root = document.documentElement;

// Tables: a heading sorts, its next click turns the order round.
for (const button of all('.sortable thead button')) {
  button.addEventListener('click', () => {
    const head = button.closest('th');
    const table = head.closest('table');
    const column = [...head.parentNode.children].indexOf(head);
    const numbers = head.classList.contains('num');
    const first = numbers ? 'descending' : 'ascending';
    const order = head.getAttribute('aria-sort') !== first ? first
      : numbers ? 'ascending' : 'descending';
    for (const other of all('th[aria-sort]', table)) {
      other.setAttribute('aria-sort', other === head ? order : 'none');
    }
    const sign = order === 'ascending' ? 1 : -1;
    const value = row => row.children[column].textContent.trim();
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((one, two) => {
      const [a, b] = [value(one), value(two)];
      if (!numbers) return sign * a.localeCompare(b);
      if (a === '-' || b === '-') return (a === '-') - (b === '-');
      return sign * (a - b);
    }));
  });
}

// Overlays, filter and order of all pictures.
const sliders = all('input[type=range]');
function fade(percent) {
  root.style.setProperty('--alpha', percent / 100);
  for (const slider of sliders) slider.value = percent;
  for (const out of all('output')) out.textContent = `${percent} %`;
}
for (const slider of sliders) {
  slider.addEventListener('input', () => fade(slider.value));
}
if (sliders.length) fade(65);

const cards = all('.card');
const shown = document.getElementById('shown');
const chosen = document.getElementById('class');
function filter() {
  for (const card of cards) {
    card.hidden = chosen.value !== ''
      && !JSON.parse(card.dataset.classes).includes(chosen.value);
  }
  const count = cards.filter(card => !card.hidden).length;
  shown.textContent = `${count} of ${cards.length} pictures`;
}
if (chosen) {
  chosen.addEventListener('change', filter);
  filter();
}
const order = document.getElementById('order');
if (order) {
  order.addEventListener('change', () => {
    for (const group of all('.cards')) {
      group.append(...all('.card', group).sort((one, two) =>
        (!one.dataset.score - !two.dataset.score)  // those without come last
        || order.value * (one.dataset.score - two.dataset.score)));
    }
  });
}

// One picture, large.
const large = document.getElementById('large');
const stage = large.querySelector('.stage');
const overlay = stage.querySelector('img');
const layers = large.querySelector('.layers');
let card = null;
let layer = 0;
function show(next, number) {
  card = next;
  const tiles = all('figure', card);
  layer = Math.max(0, Math.min(number, tiles.length - 1));
  for (const name of ['--photo', '--shape', '--ratio']) {
    stage.style.setProperty(name, card.style.getPropertyValue(name));
  }
  const picture = tiles[layer].querySelector('img');
  overlay.hidden = !picture;
  overlay.style.display = picture ? '' : 'none';
  if (picture) {
    overlay.src = picture.src;
    overlay.alt = picture.alt;
  }
  const score = card.dataset.score;
  document.getElementById('large-title').textContent = card.dataset.about
    + (score ? ` (IoU ${Number(score).toFixed(1)})` : '');
  layers.replaceChildren(...tiles.map((tile, place) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = tile.querySelector('figcaption').textContent;
    button.setAttribute('aria-pressed', place === layer);
    button.addEventListener('click', () => {
      show(card, place);
      layers.children[place].focus();
    });
    return button;
  }));
}
function turn(step) {
  const visible = all('.card', card.parentNode).filter(one => !one.hidden);
  const place = visible.indexOf(card) + step;
  show(visible[(place + visible.length) % visible.length], layer);
}
for (const tile of all('.tile')) {
  tile.addEventListener('click', () => {
    const owner = tile.closest('.card');
    show(owner, all('.tile', owner).indexOf(tile));
    large.showModal();
  });
}
const doing = {
  close: () => large.close(),
  next: () => turn(1),
  previous: () => turn(-1),
};
for (const button of all('[data-do]', large)) {
  button.addEventListener('click', doing[button.dataset.do]);
}
large.addEventListener('click', event => {
  if (event.target === large) large.close();
});
large.addEventListener('close', () => card.querySelector('.tile').focus());
large.addEventListener('keydown', event => {
  if (event.target.type === 'range') return;
  const moves = {
    ArrowLeft: () => turn(-1),
    ArrowRight: () => turn(1),
    ArrowUp: () => show(card, layer - 1),
    ArrowDown: () => show(card, layer + 1),
  };
  if (moves[event.key]) {
    event.preventDefault();
    moves[event.key]();
    large.focus();
  }
});
