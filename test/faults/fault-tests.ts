import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { isGood, runFault, type Sighting, type StartWorld } from './fault-run.js';
import type { Fault, FaultyWorld } from './fault.js';
import { writeReport, type ReportedStore } from './report.js';
import { VISITORS } from './sides.js';
import type { Outcome, Seen } from './visitor.js';

/*
 * FAULTS          seconds that each fault lasts; from 2 on express-session goes through them, too, with the same store
 * FAULTS_REPORT   writes the results into docs/reliability.md
 */
const { FAULTS = '4', FAULTS_REPORT } = process.env;
const SECONDS = Number(FAULTS);
const takesPeer = SECONDS >= 2;
/** Seconds after which the run stops waiting for a service that does not recover. */
const PATIENCE = FAULTS_REPORT ? 30 : 4;

/** Milliseconds: the time-out of each store, and what a busy machine may add to it. */
const TIME_OUT = 500;
const SLACK = 600;
const RECOVERY = 1_000;
/** Milliseconds that a request without a store takes on a machine that may be late by a part of the time-out. */
const MACHINE = 100;
/** Backoff: the most new connections and probes per second, in addition to normal traffic. */
const CONNECTS_A_SECOND = 10;
const PROBES_A_SECOND = 10;
/** The most log lines for all requests together, and per second if the fault comes and goes. */
const LOG_LINES = 5;
const LOG_LINES_A_SECOND = 4;
const HEAP_GROWTH = 30 * 2 ** 20;

export interface StoreUnderFaults<World extends FaultyWorld> {
  readonly faults: readonly Fault<World>[];
  readonly startWorld: StartWorld<World>;
  /** Its part of the table, with the peer; without it there is neither. */
  readonly store?: ReportedStore;
  /** Whether its proxy counts commands. */
  readonly countsCommands?: boolean;
  /** Connections that one process may have at a time; default 1. */
  readonly maxConnections?: number;
}

/** What holds under each fault, whatever the store. */
export function testFaults<World extends FaultyWorld>({
  faults,
  startWorld,
  store,
  countsCommands = false,
  maxConnections = 1,
}: StoreUnderFaults<World>): void {
  const sightings = new Map<Fault<World>, Sighting[]>();

  describe.each(faults.map((fault): [string, Fault<World>] => [fault.name, fault]))(
    '%s:',
    (_, fault) => {
      const { refuses = 'all', loses, isDown = false, isFitful = false } = fault;
      const { operations = 1, handler = 0 } = fault;
      let ours: Sighting;

      beforeAll(
        async () => {
          const all = await runFault(fault, startWorld, {
            seconds: SECONDS,
            contenders: takesPeer && store ? ['ours', 'express-session'] : ['ours'],
            calm: Math.min(SECONDS / 2, 1),
            patience: PATIENCE,
          });
          sightings.set(fault, all);
          ours = all[0]!;
        },
        (SECONDS + PATIENCE + 60) * 1000,
      );

      const ofSessions = (): Seen[] => ours.seen.filter(({ route }) => route !== 'untouched');
      const outcomes = (seen: readonly Seen[]): Outcome[] => [
        ...new Set(seen.map(({ outcome }) => outcome)),
      ];

      // What needs no store shows how long the machine takes.
      const untouched = (): Seen[] => ours.seen.filter(({ route }) => route === 'untouched');
      const slowest = (some: readonly Seen[]): number =>
        Math.max(0, ...some.map(({ took }) => took));
      /** A refusal while the machine kept requests waiting that need no store. */
      const isOfTheMachine = ({ outcome, began, took }: Seen): boolean =>
        outcome === 'refused' &&
        untouched().some(
          (one) => one.took > MACHINE && one.began < began + took && began < one.began + one.took,
        );

      it('no client gets the session of another', () => {
        const all = [...ours.seen, ...ours.final];
        expect(all.filter(({ outcome }) => outcome === 'mixed up')).toEqual([]);
      });

      it('no acknowledged write is lost', () => {
        const all = [...ours.seen, ...ours.final];
        expect(all.filter(({ outcome }) => outcome === 'lost')).toEqual([]);
      });

      if (loses === undefined) {
        it('every session is still there', () => {
          expect(outcomes(ours.final)).toEqual(['served']);
        });

        it('no client loses its session meanwhile', () => {
          expect(outcomes(ours.seen)).not.toContain('stranger');
        });
      } else {
        it('sessions that the server lost have ended, and their visitors get new ones', () => {
          expect(outcomes(ours.seen)).toContain('stranger');
          expect(outcomes(ours.final)).toContain('served');
        });
      }

      if (refuses === 'all' || refuses === 'some') {
        it('requests that use a session get a 503 meanwhile, and never another error', () => {
          const others = ofSessions().filter((seen) => !isGood(fault, seen));
          const expected = refuses === 'all' || others.length > 0 ? ['refused'] : [];
          expect(outcomes(others)).toEqual(expected);
        });
      } else if (refuses === 'writes') {
        it('writes get a 503 meanwhile, reads are served', () => {
          const by = (route: string) => ours.seen.filter((seen) => seen.route === route);
          expect(outcomes(by('look'))).toEqual(['served']);
          expect(outcomes(by('count')).sort()).toEqual(['refused', 'served']);
        });
      } else if (!isDown) {
        it('all requests are served', () => {
          const others = ours.seen.filter((seen) => !isGood(fault, seen));
          expect(outcomes(others.filter((seen) => !isOfTheMachine(seen)))).toEqual([]);
        });
      }

      if (!isDown) {
        it('requests without a session are not affected', () => {
          expect(outcomes(untouched())).toEqual(['served']);
          // Most of them: a busy machine may keep any process waiting for once.
          const sorted = untouched()
            .map(({ took }) => took)
            .sort((one, other) => one - other);
          expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(handler + TIME_OUT);
        });

        it('the process continues, without a storm of connections, and its memory is bounded', () => {
          expect(ours.hasDied).toBe(false);
          const { before, after } = ours;
          const connects = after!.connects - before.connects;
          const most = maxConnections + CONNECTS_A_SECOND * (SECONDS + 1);
          expect(connects).toBeLessThanOrEqual(most);
          expect(after!.heapUsed - before.heapUsed).toBeLessThan(HEAP_GROWTH);
        });
      }

      if (fault.isProxied && refuses === 'all' && !isFitful && countsCommands) {
        it('a failing server does not get every request', () => {
          // Each visitor may have sent a request before the first time-out was over, and reads are repeated once.
          expect(ours.commands!).toBeLessThanOrEqual(VISITORS * 2 + PROBES_A_SECOND * SECONDS);
        });
      }

      it('no cookie is changed', () => {
        const setting = ours.seen.filter(({ setsCookie }) => setsCookie);
        // A visitor whose session begins gets a cookie.
        expect(
          setting.filter(({ route, outcome }) => route !== 'join' || outcome !== 'served'),
        ).toEqual([]);
      });

      it('no request waits longer than the timeout', () => {
        const most = operations * TIME_OUT + handler + SLACK;
        expect(slowest(ofSessions())).toBeLessThan(slowest(untouched()) + most);
      });

      it('all are served again within a second, without a restart', () => {
        expect(ours.hasRecovered).toBe(true);
        expect(ours.recovery).toBeLessThan(RECOVERY + slowest(untouched()));
      });

      it('the fault is logged in few lines', () => {
        if (refuses === 'all' || refuses === 'writes')
          expect(ours.logged.length).toBeGreaterThan(0);
        const lines = LOG_LINES + (isFitful ? LOG_LINES_A_SECOND * SECONDS : 0);
        expect(ours.logged.slice(lines)).toEqual([]);
      });
    },
  );

  afterAll(() => {
    if (FAULTS_REPORT && store)
      writeReport(store, sightings, { seconds: SECONDS, patience: PATIENCE });
  });
}
