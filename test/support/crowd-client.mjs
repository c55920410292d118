/*
 * The clients of a crowd, in a process of their own, so that they keep asking while the server is busy:
 * raw sockets, one request at a time on each. Messages say what to do.
 */
import { connect } from 'node:net';

const clients = [];
let isOver = false;

process.on('disconnect', () => process.exit());
process.on('message', ({ id, task, ...settings }) => {
  const tasks = { open, ask, load, stop };
  tasks[task](settings).then(
    (result) => process.send({ id, result }),
    (error) => process.send({ id, error: String(error) }),
  );
});

/** Opens connections, a few at a time: the backlog of a listening socket is limited. */
async function open({ port, count }) {
  const missing = Array.from({ length: count - clients.length }, (_, n) => clients.length + n);
  const work = async () => {
    for (let number = missing.shift(); number !== undefined; number = missing.shift()) {
      clients[number] = await connected(number, port);
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
}

/** Clients ask at the same moment, and again as they are answered, until the time is over. */
async function ask({ count, requests, milliseconds }) {
  const end = performance.now() + milliseconds;
  const seen = [];
  const work = async (client, number) => {
    const request = requests[number % requests.length];
    do seen.push(await exchange(client, request));
    while (performance.now() < end);
  };
  await Promise.all(clients.slice(0, count).map(work));
  return seen;
}

/**
 * So many requests a second, by clients that wait for no answer, until it is stopped. While all of them
 * wait for the server, what is due is asked for later.
 */
async function load({ perSecond, requests }) {
  isOver = false;
  const seen = [];
  const start = performance.now();
  for (let made = 0; !isOver; await new Promise((resolve) => setTimeout(resolve, 2))) {
    for (const due = ((performance.now() - start) / 1000) * perSecond; made < due; made++) {
      const client = clients.find(({ isWaiting, isBroken }) => !isWaiting && !isBroken);
      if (!client) break;
      // The one that has rested longest is the next.
      clients.push(...clients.splice(clients.indexOf(client), 1));
      seen.push(exchange(client, requests[made % requests.length]));
    }
  }
  return Promise.all(seen);
}

async function stop() {
  isOver = true;
}

function connected(number, port) {
  return new Promise((resolve, reject) => {
    const client = { number, cookie: '', isWaiting: false, isBroken: false, answer: undefined };
    const socket = connect(port, '127.0.0.1', () => resolve(client));
    client.socket = socket;
    socket.setNoDelay(true);
    let rest = '';
    socket.on('data', (chunk) => {
      const answer = answerIn((rest += chunk.toString('latin1')));
      if (!answer) return;
      rest = '';
      client.answer?.(answer);
    });
    socket.on('error', reject);
    socket.on('close', () => {
      client.isBroken = true;
      client.answer?.(undefined);
    });
  });
}

/** A whole response, `undefined` if there is more to come. */
function answerIn(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
  if (Number.isNaN(length)) throw new Error(`a response without a length: ${head}`);
  if (text.length < end + 4 + length) return undefined;
  const [, cookie] = /\r\nset-cookie: *([^;\r]+)/i.exec(head) ?? [];
  return { status: Number(head.split(' ', 2)[1]), cookie, body: text.slice(end + 4) };
}

/** What was seen of one request; times in milliseconds since 1970. */
async function exchange(client, { method = 'GET', path, cookie = client.cookie, expected }) {
  const began = performance.now();
  client.isWaiting = true;
  const answered = new Promise((resolve) => (client.answer = resolve));
  const lines = [`${method} ${path.replace('$', client.number)} HTTP/1.1`, 'host: 127.0.0.1'];
  if (cookie) lines.push(`cookie: ${cookie}`);
  if (method === 'POST') lines.push('content-length: 0');
  client.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const answer = await answered;
  client.isWaiting = false;
  if (answer?.cookie) client.cookie = answer.cookie;
  return {
    path,
    outcome: outcomeOf(answer, expected?.replace('$', client.number)),
    began: performance.timeOrigin + began,
    took: performance.now() - began,
  };
}

function outcomeOf(answer, expected) {
  if (!answer) return 'no answer';
  const isGood = answer.status < 300 && (expected === undefined || answer.body === expected);
  return isGood ? 'served' : answer.status < 300 ? `not expected: ${answer.body}` : answer.status;
}
