import { reduce } from './reduction.js';
import type { Schedule } from './schedule.js';
import { Simulation } from './simulation.js';

/** The least of it that shows the same, in words. */
export async function tell(planned: Schedule, problem: string): Promise<string> {
  const least = await reduce(planned, problem);
  const simulation = new Simulation(least, true);
  const problems = await simulation.play();
  return [...problems, '', JSON.stringify(least), ...simulation.log.lines, ''].join('\n');
}
