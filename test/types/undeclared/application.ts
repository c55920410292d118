import { Controller, Get, ParseIntPipe, Post, Put } from '@nestjs/common';
import { Session, type ReadonlySession } from 'nestjs-session-manager';

/** The linter finds nothing here, with the rules of a new Nest application. */
@Controller()
export class VisitsController {
  @Get()
  visit(@Session() session: Session): string {
    const visits = session.get<number>('visits') ?? 0;
    session.set('visits', visits + 1);
    return `You came ${session.increment('total')} times`;
  }

  @Get('name')
  name(@Session('name') name: string | undefined): string {
    return name ?? 'you';
  }

  @Put('step')
  step(@Session('step', new ParseIntPipe({ optional: true })) step?: number): number {
    return step ?? 1;
  }

  @Get('menu')
  menu(@Session({ readOnly: true }) session: ReadonlySession): boolean {
    return session.userId !== undefined && session.has('cart');
  }

  @Post('sign-in')
  async signIn(@Session() session: Session): Promise<string | undefined> {
    const own = await session.signIn('7', { keep: ['cart'] });
    own.set('account', { name: 'Ada' });
    return own.get<{ name: string }>('account')?.name;
  }

  // @ts-expect-error -- one key at a time; others are pipes
  both(@Session('one', 'two') one: string): string {
    return one;
  }
}
