import { readConfig } from './config.js';
import { createApp } from './create-app.js';
import { welcome } from './welcome.js';

const config = readConfig(process.env);
const app = await createApp(config);
// On SIGTERM and SIGINT: requests under way are answered, then connections to memcached closed.
app.enableShutdownHooks();
await app.listen(config.port);

const { port } = new URL(await app.getUrl());
console.log(welcome(`http://localhost:${port}`, config));
