import {
  Controller,
  Get,
  Injectable,
  Post,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Session, sessionOf, type ReadonlySession } from 'nestjs-session-manager';

/** The linter finds nothing here, with the rules of a new Nest application. */
@Controller()
export class CartController {
  @Post('visits')
  visit(@Session() session: Session): string {
    session.visits = (session.visits ?? 0) + 1;
    return `You came ${session.visits} times`;
  }

  @Post('cart')
  add(@Session() session: Session): number {
    const item = { name: 'apple', price: 1 };
    session.update('cart', (cart) => ({ items: [...(cart?.items ?? []), item] }));
    return session.cart?.items.length ?? 0;
  }

  @Get('total')
  total(@Session({ readOnly: true }) session: ReadonlySession): number {
    return session.cart?.items.reduce((sum, { price }) => sum + price, 0) ?? 0;
  }

  @Get('all')
  all(@Session() session: Session): string[] {
    const lines = [];
    for (const [key, value] of session) {
      if (key === 'account') lines.push(value.name);
    }
    return lines;
  }

  @Post('sign-in')
  async signIn(@Session() session: Session): Promise<void> {
    const own = await session.signIn('7', { keep: ['cart'] });
    own.account = { id: 7, name: 'Ada' };
  }
}

@Injectable()
export class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { account } = await sessionOf(context, { readOnly: true });
    if (!account) throw new UnauthorizedException();
    return account.name !== '';
  }
}
