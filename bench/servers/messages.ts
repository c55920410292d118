/** Told once, as soon as the server listens. */
export interface ListeningMessage {
  readonly port: number;
}

/** The answer to any message: the CPU time of the process so far, all threads, user and system. */
export interface CpuMessage {
  readonly cpuMicros: number;
}

export type ServerMessage = ListeningMessage | CpuMessage;
