declare module 'csurf';
declare module 'express-flash';
declare module 'grant';
declare module 'lusca';
