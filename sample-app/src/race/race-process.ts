// One of the four processes: both sides, on the memcached of its first argument. Ends with its parent.
import { SIDES, startContestants } from './contestants.js';

const contestants = await startContestants(process.argv[2]);
process.once('disconnect', () => process.exit());
process.send?.(Object.fromEntries(SIDES.map((side) => [side, contestants[side].url])));
