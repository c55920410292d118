import type { RequestTimeline, StoredEntry, TimelineStep } from './timeline.js';

/** The page with the last requests, the newest first. It works without its script, which adds new requests. */
export function pageOf(timelines: readonly RequestTimeline[], assets: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Session inspector</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets}/page.css">
<script type="module" src="${assets}/page.js"></script>
</head>
<body>
<header>
<h1>Session inspector</h1>
<p>What the last requests and messages did with their sessions. Each bar is a round trip to the store; values, ids and secrets are never kept. <span id="live">Reload the page to see the next ones.</span></p>
</header>
<main>
<p id="none"${timelines.length > 0 ? ' hidden' : ''}>No request yet. Use the application in another tab.</p>
<ol id="requests" data-live="${assets}/live" reversed>
${timelines.map(itemOf).join('\n')}
</ol>
</main>
</body>
</html>
`;
}

/** One request or message, as an item of that page's list. */
export function itemOf(timeline: RequestTimeline): string {
  const { number, method, path, operations, status, took, roundTrips } = timeline;
  const { steps, stored, warnings } = timeline;
  const use = timeline.handle === undefined ? 'no session' : plural(roundTrips, 'round trip');
  return `<li value="${number}">
<details>
<summary>${statusOf(status)}
<span class="what">${escape([method, path].join(' '))}${operations.length > 0 ? ` <small>${escape(operations.join(', '))}</small>` : ''}</span>
<span class="use">${use}${warnings.length > 0 ? `, ${plural(warnings.length, 'warning')}` : ''}</span>
<span class="took">${ms(took)}</span>
${chartOf(steps, took)}</summary>
<div class="more">
${warnings.map((warning) => `<p class="warning">${escape(warning)}</p>`).join('\n')}
<table><caption>Steps</caption>
<thead><tr><th scope="col">At</th><th scope="col">Step</th><th scope="col">Took</th></tr></thead>
<tbody>${steps.map(rowOf).join('')}</tbody></table>
${stored ? storedOf(stored) : '<p>Nothing was stored.</p>'}
${factsOf(timeline)}
</div>
</details>
</li>`;
}

/** Messages have no status. */
function statusOf(status: number | undefined): string {
  if (status === undefined) return '<span class="status">ws</span>';
  return `<span class="status s${Math.floor(status / 100)}">${status || '–'}</span>`;
}

function chartOf(steps: readonly TimelineStep[], whole: number): string {
  const bars = steps
    .filter(({ took }) => took !== undefined)
    .map(({ at, took = 0, what }) => {
      const [from, width] = [at, Math.max(took, whole / 100)].map((time) =>
        ((100 * time) / whole).toFixed(1),
      );
      return `<rect class="${what === 'find' ? 'read' : 'write'}" x="${from}" width="${width}" height="6"/>`;
    });
  return `<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${bars.join('')}</svg>`;
}

function rowOf({ at, what, note, took }: TimelineStep): string {
  const more = note === undefined ? '' : ` <small>${escape(note)}</small>`;
  const length = took === undefined ? '' : ms(took);
  return `<tr><td>${ms(at)}</td><th scope="row">${escape(what)}${more}</th><td>${length}</td></tr>`;
}

function storedOf(entries: readonly StoredEntry[]): string {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const rows = entries.map(
    ({ name, change, bytes: size }) =>
      `<tr><th scope="row">${escape(name)}</th><td>${change}</td><td>${size} B</td></tr>`,
  );
  return `<table><caption>Stored: ${plural(entries.length, 'entry', 'entries')}, ${bytes} B</caption>
<thead><tr><th scope="col">Entry</th><th scope="col">Change</th><th scope="col">Size</th></tr></thead>
<tbody>${rows.join('')}</tbody></table>`;
}

function factsOf({ came, handle, bytes, headers }: RequestTimeline): string {
  const facts = [
    ['Received', new Date(came).toISOString()],
    ['Session', handle === undefined ? 'not used' : `handle ${handle}`],
    ...(bytes === undefined ? [] : [['Body', `${bytes} B`]]),
    ...headers.map((header) => ['Response header', header]),
  ];
  return `<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${escape(value ?? '')}</dd>`).join('')}</dl>`;
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function ms(time: number): string {
  return `${time.toFixed(time < 10 ? 1 : 0)} ms`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Adds each new request on top, and removes the oldest ones. */
export const SCRIPT = `const list = document.querySelector('#requests');
const live = document.querySelector('#live');
const stream = new EventSource(list.dataset.live);
stream.onopen = () => { live.textContent = 'Live: new ones appear automatically.'; };
stream.onerror = () => { live.textContent = 'The application does not answer; waiting for it.'; };
stream.onmessage = ({ data }) => {
  const { item, keep } = JSON.parse(data);
  document.querySelector('#none').hidden = true;
  list.insertAdjacentHTML('afterbegin', item);
  while (list.children.length > keep) list.lastElementChild.remove();
};
`;

export const STYLE = `:root { color-scheme: light dark; --text: light-dark(#1c2530, #e6eaef); --quiet: light-dark(#55626f, #a3afbb);
  --line: light-dark(#d8dee4, #38424c); --page: light-dark(#fbfcfd, #14191e); --read: light-dark(#1d5c9b, #8cc0f4);
  --write: light-dark(#a3480b, #f2a566); --bad: light-dark(#a11d2b, #ff9aa2); --good: light-dark(#1a6b35, #7fd69b); }
* { box-sizing: border-box; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; }
header p, small, dt, caption, thead th, .use, .took { color: var(--quiet); }
ol { padding: 0; list-style: none; }
li { border-top: 1px solid var(--line); }
summary { display: grid; grid-template-columns: 3rem minmax(0, 1fr) auto 4.5rem; gap: 0 .75rem; padding: .5rem 0; cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--read); outline-offset: 2px; }
.what { overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
.took { text-align: right; font-variant-numeric: tabular-nums; }
svg { grid-column: 1 / -1; width: 100%; height: 6px; background: var(--line); }
.read { fill: var(--read); } .write { fill: var(--write); }
.s2, .s3 { color: var(--good); } .s4, .s5, .s0 { color: var(--bad); }
.status { font-weight: 600; font-variant-numeric: tabular-nums; }
.more { padding: 0 0 1rem; }
.warning { padding: .5rem .75rem; border: 1px solid var(--bad); border-radius: .4rem; }
table { width: 100%; margin-bottom: 1rem; border-collapse: collapse; }
caption { padding: .5rem 0; text-align: left; }
th, td { padding: .15rem .5rem .15rem 0; text-align: left; vertical-align: top; font-weight: normal; font-size: .9375rem; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15rem 1rem; margin: 0; font-size: .9375rem; }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) { summary { grid-template-columns: 3rem minmax(0, 1fr) 4.5rem; } .use { grid-column: 2; } .took { grid-row: 1; grid-column: 3; } }
`;
