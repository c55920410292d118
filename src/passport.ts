export {
  PassportSessionModule,
  type PassportSessionOptions,
} from './passport/passport-session.module.js';
