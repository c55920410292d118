import type { ConnectionRun } from './connection-run.js';
import type { Operation } from './program.js';

/** Its result is unknown. */
export function isLoss(outcome: string): boolean {
  return outcome === 'lost' || outcome === 'malformed';
}

/** What is wrong with how an operation has ended, given that all replies kept their order. */
export function wrongsOf(
  { operations, endings, memcached }: ConnectionRun,
  index: number,
): string[] {
  const { verb } = operations[index]!;
  const outcome = endings.get(index)?.outcome ?? 'lost';
  const executions = memcached.executionsOf(index);
  const isAnswered = isLoss(outcome) || executions.includes(outcome);
  const isSentOnce = executions.length <= (verb === 'find' ? 2 : 1);
  return [
    ...(isAnswered ? [] : [`${verb} ${index}: ${outcome}, and not ${executions.join()}`]),
    ...(isSentOnce ? [] : [`${verb} ${index} was done ${executions.length} times`]),
  ];
}

const ANSWERS = {
  find: ['END'],
  create: ['STORED', 'NOT_STORED'],
  update: ['STORED', 'EXISTS', 'NOT_FOUND'],
  remove: ['STORED', 'EXISTS', 'NOT_FOUND'],
};

/** Whether it is an answer to such an operation, whichever. */
export function isRightAnswer({ verb, key }: Operation, outcome: string): boolean {
  if (isLoss(outcome) || /^(SERVER|CLIENT)_ERROR/.test(outcome)) return true;
  if (ANSWERS[verb].includes(outcome)) return true;
  return verb === 'find' && itemOf(outcome)?.startsWith(`${key} of `) === true;
}

function itemOf(outcome: string): string | undefined {
  return /^\d+ (.*)$/s.exec(outcome)?.[1];
}
