import type { Sighting } from './fault-run.js';
import type { Fault } from './fault.js';
export function writeReport(sightings: ReadonlyMap<Fault, readonly Sighting[]>): void {
  void sightings;
}
