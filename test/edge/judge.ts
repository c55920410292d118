import type { Answer, Ask } from './ask.js';
import { MARKS, type Writing } from './use-session.js';
import type { Way } from './ways-to-send.js';
import type { StoreBehaviour } from './what-the-store-does.js';

/** A way to send, and what the client takes. */
export interface Cell {
  readonly way: Way;
  readonly encoding: string;
}

type Seen = [what: string, is: unknown, shouldBe: unknown];

const ORIGIN = 'http://a.example';

/** The headers by which a response with a session must not differ from the same one without. */
const SAME = ['content-type', 'content-encoding', 'location', 'x-handler', 'etag', 'trailer'];
const SAME_UNLESS_COMPRESSED = ['content-length', 'transfer-encoding'];

export function nameOf({ way, encoding }: Cell): string {
  const headers = way.headers ? ` ${JSON.stringify(way.headers)}` : '';
  return `${way.method ?? 'GET'} ${way.path}${headers} (${encoding})`;
}

export interface Visit {
  readonly writing: Writing;
  readonly cookie?: string | undefined;
  readonly signal?: AbortSignal;
  readonly onlyHead?: boolean;
}

export function ask(by: Ask, { way, encoding }: Cell, visit: Visit): Promise<Answer> {
  const { writing, cookie, ...more } = visit;
  const own: Record<string, string> = cookie === undefined ? {} : { cookie };
  const headers = { origin: ORIGIN, 'accept-encoding': encoding, ...own, ...way.headers };
  const question = { method: way.method, body: way.body, headers, ...more };
  return by(`${way.path}?write=${writing}`, question);
}

/** The problems of an answer; `plain` is the answer without a session. A string is the message of an error. */
export async function problemsOf(
  answer: Answer | string,
  plain: Answer | string,
  store: StoreBehaviour,
  way: Way,
  by: Ask,
  cookie: string | undefined,
): Promise<string[]> {
  if (way.breaks) return problemsOfBroken(answer, plain, store);
  if (typeof plain === 'string') return [`without a session: ${plain}`];
  const isMeant = plain.status === 404 ? false : plain.status < 500 || way.path === '/crash';
  if (!isMeant) return [`without a session: ${plain.status}, ${plain.body}`];
  if (typeof answer === 'string') return [answer];
  const seen: Seen[] = [];
  const { refusal } = store;
  if (refusal && plain.status !== refusal) {
    seen.push(
      ...refused(answer, refusal, way.method),
      ['informed', answer.informed, plain.informed],
      ['CORS', allowed(answer), allowed(plain)],
    );
  } else {
    seen.push(
      ['status', answer.status, plain.status],
      ['body', answer.body, plain.body],
      ['trailers', answer.trailers, plain.trailers],
      ['informed', answer.informed, plain.informed],
      ['CORS', allowed(answer), allowed(plain)],
    );
    const isCompressed = plain.headers['content-encoding'] !== undefined;
    for (const name of isCompressed ? SAME : [...SAME, ...SAME_UNLESS_COMPRESSED]) {
      seen.push([name, answer.headers[name], plain.headers[name]]);
    }
  }
  const cookies = answer.setCookies.map(nameOfCookie);
  if (refusal) {
    seen.push(['cookies', cookies, plain.status === refusal ? othersOf(plain) : []]);
  } else {
    const given = store.isKnown ? [] : ['SID'];
    seen.push(['cookies', cookies.sort(), [...othersOf(plain), ...given].sort()]);
    if (!store.isKnown) seen.push(['cacheable', isCacheable(answer), false]);
    if (answer.waited < (store.takes ?? 0) - 2)
      seen.push(['first byte', answer.waited, store.takes]);
  }
  const mark = refusal ? 'mark' : (store.writing as keyof typeof MARKS);
  const own = cookie ?? cookieOf(answer);
  if (own || !refusal) seen.push(['stored', await storedFor(own, by), { mark: MARKS[mark] }]);
  seen.push(['vary', /\bCookie\b/.test(answer.headers.vary ?? ''), true]);
  return told(seen);
}

/** What an error in the place of a response is, whatever that was to be. */
function refused(answer: Answer, refusal: 500 | 503, method = 'GET'): Seen[] {
  const message = refusal === 503 ? 'Service Unavailable' : 'Internal server error';
  const text = JSON.stringify({ statusCode: refusal, message });
  const none = ['content-encoding', 'transfer-encoding', 'etag', 'location', 'x-handler'];
  return [
    ['status', answer.status, refusal],
    ['body', answer.body, method === 'HEAD' ? '' : text],
    ['trailers', answer.trailers, {}],
    ['content-type', answer.headers['content-type'], 'application/json; charset=utf-8'],
    ['content-length', answer.headers['content-length'], String(text.length)],
    ['cache-control', answer.headers['cache-control'], 'no-store'],
    ...none.map((name): Seen => [name, answer.headers[name], undefined]),
  ];
}

/** Of a response whose source fails: it is never taken for a whole one. */
function problemsOfBroken(
  answer: Answer | string,
  plain: Answer | string,
  { refusal }: StoreBehaviour,
): string[] {
  if (typeof plain !== 'string') return [`without a session, it is whole: ${plain.status}`];
  if (typeof answer === 'string') return /abort.*timeout/i.test(answer) ? [answer] : [];
  return told(refusal ? refused(answer, refusal) : [['status', answer.status, 'none']]);
}

const told = (seen: readonly Seen[]) =>
  seen
    .filter(([, is, shouldBe]) => JSON.stringify(is) !== JSON.stringify(shouldBe))
    .map(([what, is, shouldBe]) => `${what} is ${shown(is)}, should be ${shown(shouldBe)}`);

/** Whether a cache that visitors share may store it. */
const isCacheable = ({ headers }: Answer) =>
  !/\bno-store\b/.test(headers['cache-control'] ?? '') ||
  /\bpublic\b/.test(headers['cache-control'] ?? '');

const shown = (value: unknown) => (JSON.stringify(value) ?? 'absent').slice(0, 200);
const nameOfCookie = (line: string) => line.slice(0, line.indexOf('='));
const othersOf = ({ setCookies }: Answer) => setCookies.map(nameOfCookie);
const allowed = ({ headers }: Answer) => headers['access-control-allow-origin'];

/** The session cookie that was given, as a request sends it. */
export function cookieOf({ setCookies }: Answer): string | undefined {
  return setCookies.find((line) => line.startsWith('SID='))?.split(';', 1)[0];
}

/** What the next request of the same visitor finds. */
export async function storedFor(cookie: string | undefined, by: Ask): Promise<unknown> {
  if (cookie === undefined) return undefined;
  const { body } = await by('/session', { headers: { cookie } });
  return JSON.parse(body);
}
