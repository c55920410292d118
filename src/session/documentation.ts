/** Where the documentation is: the `homepage` of package.json, which `npm run links` copies to here. */
export const DOCUMENTATION = 'https://OWNER.github.io/nestjs-session-manager/';
