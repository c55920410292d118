import type { RequestTimeline } from '../../src/inspector.js';

/** What the stream of an inspector's page sends while `work` runs: `count` timelines. */
export async function timelinesDuring(
  page: string,
  work: () => Promise<unknown>,
  count: number,
): Promise<RequestTimeline[]> {
  const controller = new AbortController();
  const response = await fetch(`${page}/live`, { signal: controller.signal });
  const working = work();
  let text = '';
  const events = () => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!));
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk).toString();
    if (events().length >= count) break;
  }
  await working;
  controller.abort();
  return events().map(({ timeline }) => timeline as RequestTimeline);
}
