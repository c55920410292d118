// Shows in the page of the basket what other tabs do, and sends clicks as messages. Without it, or
// without a connection, each click is a form, which does the same.

const SESSION_ENDED = 4401;
const LONGEST_WAIT = 60_000;
/** Milliseconds after which a click that was sent counts as not stored. */
const PATIENCE = 5000;

const table = document.querySelector('table');
const notSaved = document.querySelector('#not-saved');
const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });
/** Clicks of which nobody has said that they are stored, by their numbers. */
const pending = new Map();
let clicks = 0;
let socket;
let isLive = false;
let wait = 1000;

function connect() {
  socket = new WebSocket(`${location.origin.replace('http', 'ws')}/basket/live`);
  socket.onopen = look;
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  socket.onclose = ({ code }) => {
    if (pending.size > 0) showNotSaved();
    if (code === SESSION_ENDED) askAgain();
    else reconnect();
  };
}

/** The session has ended or has a new id, as after sign-in: a new handshake tells, by the new cookie. */
function askAgain() {
  if (isLive) connect();
  else showEnd();
  isLive = false;
}

function reconnect() {
  setTimeout(connect, wait);
  wait = Math.min(2 * wait, LONGEST_WAIT);
}

function look() {
  send('look');
}

function send(event, data) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ event, data }));
}

function receive({ event, data }) {
  if (event === 'changed') look();
  if (event === 'basket') showBasket(data);
  if (event === 'stored') stored(data);
  if (event === 'exception') showNotSaved();
}

function click(message, product) {
  const number = ++clicks;
  const timer = setTimeout(showNotSaved, PATIENCE);
  pending.set(number, { message, product, timer });
  send(message, { product, number });
}

function stored(number) {
  clearTimeout(pending.get(number)?.timer);
  pending.delete(number);
  if (pending.size === 0) notSaved.hidden = true;
}

function showNotSaved() {
  notSaved.hidden = false;
}

/** Sends once more what was not stored, to the session as it is now. */
function tryAgain() {
  const again = [...pending.values()];
  for (const { timer } of again) clearTimeout(timer);
  pending.clear();
  notSaved.hidden = true;
  if (socket.readyState === WebSocket.OPEN) {
    for (const { message, product } of again) click(message, product);
  } else {
    void sendAsForms(again);
  }
}

/** Without a connection: one after the other, and what fails is to be tried again. */
async function sendAsForms(again) {
  for (const [index, { message, product }] of again.entries()) {
    const stored = await fetch(`/basket/${product}/${message}`, { method: 'POST' }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (stored) continue;
    for (const one of again.slice(index)) pending.set(++clicks, one);
    showNotSaved();
    return;
  }
  location.reload();
}

function showBasket(basket) {
  isLive = true;
  wait = 1000;
  let total = 0;
  let price = 0;
  for (const row of table.tBodies[0].rows) {
    const count = basket[row.dataset.product] ?? 0;
    show(row, count, count * row.dataset.price);
    total += count;
    price += count * row.dataset.price;
  }
  show(table.tFoot.rows[0], total, price);
}

/** In a row of the table; nothing is left to take out of it at 0. */
function show(row, count, cents) {
  const shown = row.querySelector('.count');
  if (shown.textContent !== String(count)) {
    shown.textContent = count;
    shown.animate({ background: ['var(--flash)', 'transparent'] }, 1000);
  }
  row.querySelector('.price').textContent = euros.format(cents / 100);
  row.querySelector('button').disabled = count === 0;
}

function showEnd() {
  document.querySelector('#basket').hidden = true;
  notSaved.hidden = true;
  document.querySelector('#ended').hidden = false;
}

table.addEventListener('submit', (event) => {
  const { message } = event.target.dataset;
  if (!message || socket.readyState !== WebSocket.OPEN) return;
  event.preventDefault();
  click(message, event.target.closest('tr').dataset.product);
});

notSaved.querySelector('button').addEventListener('click', tryAgain);

// What was changed at another process meanwhile, or under another id.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) look();
});

connect();
