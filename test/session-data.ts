import 'nestjs-session-manager';

// Tests write and read whatever they like.
declare module 'nestjs-session-manager' {
  interface SessionData {
    [key: string]: any;
  }
}
