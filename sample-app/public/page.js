// On every page: times as the visitor's clock shows them, and the strip, filled by what goes on.

const MOST = 4;

for (const time of document.querySelectorAll('time')) {
  const format = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' });
  time.textContent = format.format(new Date(time.dateTime));
}

const strip = document.querySelector('#strip');
const list = document.querySelector('#later');

if (strip.dataset.live) {
  const stream = new EventSource(strip.dataset.live);
  stream.onmessage = ({ data }) => add(JSON.parse(data).timeline);
}

/** Requests that use a session, be it of another tab; this page's own is there already. */
function add({ handle, method, path, roundTrips, took, came }) {
  if (handle === undefined || came < performance.timeOrigin + 50) return;
  const item = document.createElement('li');
  const cells = document.createElement('span');
  cells.className = 'cells';
  for (let n = 0; n < roundTrips; n++) cells.append(document.createElement('i'));
  const trips = `${roundTrips} round trip${roundTrips === 1 ? '' : 's'}`;
  item.append(cells, ` ${method} ${path}: ${trips}, ${took.toFixed(1)} ms`);
  list.prepend(item);
  while (list.children.length > MOST) list.lastElementChild.remove();
}
