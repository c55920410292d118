import type { ForwardReference, Type } from '@nestjs/common';
import type { ModuleRef, ModulesContainer } from '@nestjs/core';

import { copiesRemedy } from './session/package-copies.js';
import { SessionError } from './session/errors.js';

/** On `SessionModule`, registered: those of other copies of this package have it, too. */
export const SESSION_MODULE = Symbol.for('nestjs-session-manager.module.1');

/** What stands in the `imports` of a module. */
type Import = Type | { readonly module: Type } | ForwardReference | undefined;

/** What is asked of Nest's container. It is no public part of `ModuleRef`; without it less is named. */
interface WithContainer {
  readonly container?: {
    getDynamicMetadataByToken?(token: string, key: 'imports'): (Import | Promise<Import>)[];
  };
}

/** One `SessionModule` of an application, and the names of the modules that import it. */
interface Imported {
  readonly source: unknown;
  readonly isBare: boolean;
  readonly by: string[];
}

/**
 * Refuses what would leave it to chance whose options count: several `SessionModule`s in one
 * application, or one without options.
 *
 * @throws SessionError `SESSION_MODULE_TWICE` or `SESSION_MODULE_BARE`, which name who imports them
 */
export async function requireOneSessionModule(
  modules: ModulesContainer,
  moduleRef: ModuleRef,
): Promise<void> {
  const classes = [...modules.values()].map(({ metatype }) => metatype).filter(isSessionModule);
  if (classes.length <= 1) return;
  const imported = await importedBy(modules, moduleRef);
  if (imported.some(({ isBare }) => isBare)) throw bareImport(imported);
  throw new Set(classes).size > 1 ? fromTwoCopies(imported) : twice(imported);
}

/** To be called for one that has no options. */
export async function refuseBareImport(
  modules: ModulesContainer,
  moduleRef: ModuleRef,
): Promise<never> {
  throw bareImport(await importedBy(modules, moduleRef));
}

function isSessionModule(metatype: unknown): boolean {
  return typeof metatype === 'function' && SESSION_MODULE in metatype;
}

/** By what stands in the modules' `imports`: Nest's own lists have global modules everywhere. */
async function importedBy(modules: ModulesContainer, moduleRef: ModuleRef): Promise<Imported[]> {
  const { container } = moduleRef as unknown as WithContainer;
  const found = new Map<unknown, Imported>();
  for (const [token, { metatype }] of modules) {
    const declared = (Reflect.getMetadata('imports', metatype) ?? []) as (
      Import | Promise<Import>
    )[];
    const dynamic = container?.getDynamicMetadataByToken?.(token, 'imports') ?? [];
    for (const entry of [...declared, ...dynamic]) {
      const source = unwrapped(await entry);
      const isBare = typeof source === 'function';
      if (!isSessionModule(isBare ? source : source?.module)) continue;
      const imported = found.get(source) ?? { source, isBare, by: [] };
      found.set(source, imported);
      if (!imported.by.includes(metatype.name)) imported.by.push(metatype.name);
    }
  }
  return [...found.values()];
}

function unwrapped(entry: Import): Type | { readonly module: Type } | undefined {
  if (!entry || !('forwardRef' in entry)) return entry;
  return (entry as ForwardReference<() => Type>).forwardRef();
}

function bareImport(imported: readonly Imported[]): SessionError {
  const bare = imported.find((one) => one.isBare);
  const configured = imported.find((one) => !one.isBare);
  const remedy = configured
    ? `${namesOf(configured)} imports SessionModule.forRoot() already: take the other import out, as ` +
      'that one is global; with isGlobal: false, import it with the same options.'
    : 'Import SessionModule.forRoot() or SessionModule.forRootAsync() instead, once, in your AppModule.';
  return new SessionError(
    'SESSION_MODULE_BARE',
    `${namesOf(bare)} imports SessionModule without forRoot(), and so without options. ${remedy}`,
  );
}

function twice(imported: readonly Imported[]): SessionError {
  return new SessionError(
    'SESSION_MODULE_TWICE',
    `An application has one SessionModule, but this one imports several, with different options: ` +
      `${listed(imported)}. Import it once, in your AppModule: it is global. Or give the same options ` +
      'everywhere; with forRootAsync() that is the same function or class, as what it returns is not ' +
      'known yet.',
  );
}

function fromTwoCopies(imported: readonly Imported[]): SessionError {
  return new SessionError(
    'SESSION_MODULE_TWICE',
    `An application has one SessionModule, but this one imports several, from different copies of this ` +
      `package: ${listed(imported)}. ${copiesRemedy()}`,
  );
}

function listed(imported: readonly Imported[]): string {
  const names = imported.map((one) => namesOf(one));
  return `one in ${names.join(', another in ')}`;
}

function namesOf(imported: Imported | undefined): string {
  return imported?.by.join(' and ') ?? 'A module';
}
