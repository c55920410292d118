// Shows in the page of the basket what other tabs do, and sends clicks as messages. Without it, or
// without a connection, each click is a form, which does the same.

const SESSION_ENDED = 4401;
const LONGEST_WAIT = 60_000;

const table = document.querySelector('table');
let socket;
let isLive = false;
let wait = 1000;

function connect() {
  socket = new WebSocket(`${location.origin.replace('http', 'ws')}/basket/live`);
  socket.onopen = look;
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  socket.onclose = ({ code }) => (code === SESSION_ENDED ? askAgain() : reconnect());
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
  if (event === 'exception') document.querySelector('#not-saved').hidden = false;
}

function showBasket(basket) {
  isLive = true;
  wait = 1000;
  document.querySelector('#not-saved').hidden = true;
  let total = 0;
  for (const row of table.tBodies[0].rows) {
    const count = basket[row.dataset.product] ?? 0;
    show(row, count);
    total += count;
  }
  show(table.tFoot.rows[0], total);
}

/** In a row of the table; nothing is left to take out of it at 0. */
function show(row, count) {
  const shown = row.querySelector('.count');
  if (shown.textContent !== String(count)) {
    shown.textContent = count;
    shown.animate({ background: ['var(--flash)', 'transparent'] }, 1000);
  }
  row.querySelector('button').disabled = count === 0;
}

function showEnd() {
  document.querySelector('#basket').hidden = true;
  document.querySelector('#not-saved').hidden = true;
  document.querySelector('#ended').hidden = false;
}

table.addEventListener('submit', (event) => {
  const { message } = event.target.dataset;
  if (!message || socket.readyState !== WebSocket.OPEN) return;
  event.preventDefault();
  send(message, event.target.closest('tr').dataset.product);
});

// What was changed at another process meanwhile, or under another id.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) look();
});

connect();
