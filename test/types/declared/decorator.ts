import { Controller, Get, ParseBoolPipe, ParseIntPipe, type PipeTransform } from '@nestjs/common';
import { Session, type ReadonlySession } from 'nestjs-session-manager';

import type { Cart } from './session-data.js';

const pipe: PipeTransform = { transform: (value: unknown) => value };

@Controller()
export class EveryUse {
  @Get()
  session(
    @Session() session: Session,
    @Session(ParseIntPipe, pipe) piped: Session,
    @Session({ readOnly: true }) look: ReadonlySession,
    @Session({ readOnly: undefined, onOutage: 'anonymous' }, pipe) either: Session,
  ): boolean[] {
    return [session.isNew, piped.isNew, look.isNew, either.isNew];
  }

  @Get('entry')
  entry(
    @Session('visits') visits: number | undefined,
    @Session('cart', pipe) cart: Cart | undefined,
    @Session('visits', ParseIntPipe, new ParseBoolPipe()) many: boolean,
    @Session<{ step: number }>('step', new ParseIntPipe({ optional: true })) step?: number,
  ): unknown[] {
    return [visits, cart, many, step];
  }
}

export class Misuse {
  // @ts-expect-error -- no such entry
  typo(@Session('vists') visits: number): number {
    return visits;
  }

  // @ts-expect-error -- one key at a time
  two(@Session('visits', 'cart') visits: number): number {
    return visits;
  }

  // @ts-expect-error -- one key at a time
  three(@Session('visits', 'cart', 'theme') visits: number): number {
    return visits;
  }

  // @ts-expect-error -- no such option
  option(@Session({ readonly: true }) session: ReadonlySession): boolean {
    return session.isNew;
  }
}
