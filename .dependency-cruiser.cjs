/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Imports run one way: index → session.* → sockets, http, store → session/.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'session-knows-no-framework',
      comment: 'The domain imports itself and a few of Node’s own modules, types included.',
      severity: 'error',
      from: { path: '^src/session/' },
      to: {
        pathNot: [
          '^src/session/',
          '^(node:)?(async_hooks|crypto|diagnostics_channel|timers/promises|util|zlib)$',
        ],
      },
    },
    {
      name: 'http-knows-no-store',
      severity: 'error',
      from: { path: '^src/(http|sockets)/' },
      to: { path: '^src/store/' },
    },
    {
      name: 'http-knows-no-sockets',
      comment: 'Applications without gateways load them, and use nothing of them.',
      severity: 'error',
      from: { path: '^src/http/' },
      to: { path: '^src/sockets/' },
    },
    {
      name: 'sources-need-no-optional-peer',
      comment:
        'The package works, and its types compile, without what gateways and GraphQL are made of.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: '@nestjs/(graphql|websockets|platform-(socket\\.io|ws))|node_modules/(graphql|ws|socket\\.io)/',
      },
    },
    {
      name: 'store-knows-no-http',
      severity: 'error',
      from: { path: '^src/store/' },
      to: { path: '^src/(http|sockets)/' },
    },
    {
      name: 'parts-know-no-module',
      comment: 'What puts the parts together is not for the parts to import.',
      severity: 'error',
      from: { path: '^src/(http|sockets|store)/' },
      to: { path: '^src/(session\\.[^/]+|index)\\.ts$' },
    },
    {
      name: 'inspector-is-imported-by-its-entry-point-only',
      comment: 'Who does not import it loads nothing of it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/inspector' },
      to: { path: '^src/inspector' },
    },
    {
      name: 'index-is-only-for-outside',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'request-session-is-asked-for',
      comment: 'Only who imports the entry point loads it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/express-session(/|\\.ts$)' },
      to: { path: '^src/express-session(/|\\.ts$)' },
    },
    {
      name: 'passport-is-asked-for',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/passport(/|\\.ts$)' },
      to: { path: '^src/passport(/|\\.ts$)|node_modules/(@types/)?passport/' },
    },
    {
      name: 'sources-stand-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|sample-app|bench|scripts|dist)/' },
    },
    {
      name: 'no-undeclared-package',
      comment: 'What the sources import is a dependency or a peer dependency of the package.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm', 'npm-peer'],
      },
    },
    {
      name: 'not-resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-orphans',
      comment:
        'A module that nothing imports is left over. Ambient declarations are imported by none.',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.d\\.ts$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Type-only imports are dependencies, too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};
