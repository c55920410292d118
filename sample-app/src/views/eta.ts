import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { NestExpressApplication } from '@nestjs/platform-express';
import { Eta } from 'eta';

type Rendered = (error: unknown, html?: string) => void;

/** Lets `@Render('home')` render `views/home.eta`. Eta escapes what `<%= %>` puts out. */
export function renderWithEta(app: NestExpressApplication): void {
  const views = fileURLToPath(new URL('../../views', import.meta.url));
  const eta = new Eta({ views, cache: true });
  app.engine('eta', (path: string, model: object, done: Rendered) => {
    try {
      done(null, eta.render(relative(views, path), model));
    } catch (error) {
      done(error);
    }
  });
  app.setBaseViewsDir(views);
  app.setViewEngine('eta');
}
