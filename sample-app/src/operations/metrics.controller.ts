import { Controller, Get, Header } from '@nestjs/common';
import { SessionMonitor } from 'nestjs-session-manager';

@Controller('metrics')
export class MetricsController {
  constructor(private readonly sessions: SessionMonitor) {}

  /** What happened to sessions, in the text format of Prometheus. Do not make it public. */
  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4')
  metrics(): string {
    const { counters, servers } = this.sessions;
    const events = Object.entries(counters).map(
      ([event, count]) => `session_events_total{event="${event}"} ${count}`,
    );
    const states = servers.map(
      ({ server, state }) => `session_server_up{server="${server}"} ${state === 'down' ? 0 : 1}`,
    );
    return [
      ...['# TYPE session_events_total counter', ...events],
      ...['# TYPE session_server_up gauge', ...states, ''],
    ].join('\n');
  }
}
